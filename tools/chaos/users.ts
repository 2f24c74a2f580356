/** People sign in for several applications, refresh, and sign out. */

import { logOut, newSession, obtainCode, redemption, type Session, timesOf } from './browsers.ts'
import { type Answer, post, textOf } from './calls.ts'
import { type AccessToken, claimsOf, type Family, nameOf } from './live-state.ts'
import { APPLICATIONS } from './fleet.ts'
import type { LoadContext } from './load.ts'

const MOST_FAMILIES = 24
const RETRY_MS = 300
const TRIES = 12
const LONGEST_REPLAY_MS = 25_000

/** One browser after the other: a family for each application, then the session ends or is left alone. */
export function signUsersIn(): (context: LoadContext) => Promise<void> {
  let session: Session | undefined
  let waiting: string[] = []

  return async function signIn(context) {
    if (session === undefined || waiting.length === 0) {
      if (session !== undefined && context.chance.happens(0.7)) await signOut(context, session)
      session = newSession(context)
      waiting = [...APPLICATIONS]
    }
    if (context.state.families.size >= MOST_FAMILIES) return
    const clientId = waiting.pop() as string
    const family = await startFamily(context, session, clientId)
    if (family === undefined) session = undefined
    else context.state.families.add(family)
  }
}

async function startFamily(context: LoadContext, session: Session, clientId: string): Promise<Family | undefined> {
  const code = await obtainCode(context, session, clientId)
  if (code === undefined) return undefined
  const artefact = context.state.name('code')
  const answer = await untilAnswered(async (attempt) => {
    const sent = await post(context.fleet.urls, context.node(), '/token', redemption(clientId, code))
    const isExpected = attempt === 0
    const use = { kind: 'use' as const, artefact, subjects: [session.name], isExpected, ...timesOf(sent) }
    const { issued } = code
    context.record({ ...use, ...resultOf(sent), issued })
    return sent
  })
  const [refreshToken, access] = [textOf(answer, 'refresh_token'), textOf(answer, 'access_token')]
  if (answer.outcome !== 'success' || refreshToken === undefined || access === undefined) return undefined
  const name = context.state.name('family')
  const subjects = [name, session.name]
  const grantId = String(claimsOf(access).gid)
  return { name, clientId, subjects, grantId, refreshToken, access: tokenOf(access, subjects, answer), isBusy: false }
}

/** Again while nothing is known about it: within the idempotency window the same is given again. */
async function untilAnswered(send: (attempt: number) => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const answer = await send(attempt)
    if (answer.outcome !== 'error' || attempt === TRIES) return answer
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

function tokenOf(token: string, subjects: readonly string[], { node, startMs, endMs }: Answer): AccessToken {
  return { token, subjects: [`access-${nameOf(token)}`, ...subjects], issued: { node, startMs, endMs } }
}

function resultOf(answer: Answer): { readonly result?: string } {
  const token = textOf(answer, 'refresh_token')
  return token === undefined ? {} : { result: nameOf(token) }
}

async function signOut(context: LoadContext, session: Session): Promise<void> {
  const { families, ended } = context.state
  const own = [...families].filter(({ subjects }) => subjects.includes(session.name))
  for (const family of own) families.delete(family)
  await logOut(context, session)
  for (const family of own) ended.push({ subject: session.name, access: family.access, family })
}

export async function refreshFamilies(context: LoadContext): Promise<void> {
  const family = context.chance.pick([...context.state.families].filter(({ isBusy }) => !isBusy))
  if (family === undefined) return
  family.isBusy = true
  try {
    const [first, second] = context.twoNodes()
    const nodes = context.chance.happens(0.3) ? [first, second] : [context.node()]
    const answers = await Promise.all(nodes.map((node) => refreshAt(context, family, node, true)))
    await goOn(context, family, answers)
  } finally {
    family.isBusy = false
  }
}

export async function refreshAt(
  context: LoadContext,
  family: Family,
  node: number,
  isExpected: boolean,
): Promise<Answer> {
  return useRefreshToken(context, family, family.refreshToken, node, isExpected)
}

async function useRefreshToken(
  context: LoadContext,
  family: Family,
  refreshToken: string,
  node: number,
  isExpected: boolean,
) {
  const params = { grant_type: 'refresh_token', client_id: family.clientId, refresh_token: refreshToken }
  const answer = await post(context.fleet.urls, node, '/token', params)
  const artefact = `${family.name}/${nameOf(refreshToken)}`
  const use = { kind: 'use' as const, artefact, subjects: family.subjects, isExpected, ...timesOf(answer) }
  context.record({ ...use, ...resultOf(answer), issued: family.access.issued })
  return answer
}

/** Takes over what was answered; asks again where nothing is known. */
async function goOn(context: LoadContext, family: Family, answers: readonly Answer[]): Promise<void> {
  const isUnknown = answers.every(({ outcome }) => outcome === 'error')
  const again = () => refreshAt(context, family, context.node(), true)
  const answer = isUnknown ? await untilAnswered(again) : answers.find(({ outcome }) => outcome === 'success')
  const refreshToken = answer && textOf(answer, 'refresh_token')
  const access = answer && textOf(answer, 'access_token')
  if (answer === undefined || refreshToken === undefined || access === undefined) {
    context.state.families.delete(family)
    return
  }
  const used = family.refreshToken
  family.refreshToken = refreshToken
  family.access = tokenOf(access, family.subjects, answer)
  if (context.chance.happens(0.08)) sacrifice(context, family, used)
}

/** The used token comes again, as from a thief: that may end the family, so nothing more is expected of it. */
function sacrifice(context: LoadContext, family: Family, used: string): void {
  context.state.families.delete(family)
  context.state.replays.push({
    dueMs: performance.now() + context.chance.between(0, LONGEST_REPLAY_MS),
    present: async () => void (await useRefreshToken(context, family, used, context.anyNode(), false)),
  })
}
