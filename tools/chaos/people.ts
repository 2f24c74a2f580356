/** People sign in for several applications, refresh, and sign out. */

import { logOut, newSession, obtainCode, redemption, type Session, timesOf } from './browsers.ts'
import { type Answer, post, textOf } from './calls.ts'
import { type AccessToken, claimsOf, type Family, nameOf } from './estate.ts'
import { APPLICATIONS } from './fleet.ts'
import type { Stage } from './load.ts'

const MOST_FAMILIES = 24
const RETRY_MS = 300
const TRIES = 12
const LONGEST_REPLAY_MS = 25_000

/** One browser after the other: a family for each application, then the session ends or is left alone. */
export function signPeopleIn(): (stage: Stage) => Promise<void> {
  let session: Session | undefined
  let waiting: string[] = []

  return async function signIn(stage) {
    if (session === undefined || waiting.length === 0) {
      if (session !== undefined && stage.chance.happens(0.7)) await signOut(stage, session)
      session = newSession(stage)
      waiting = [...APPLICATIONS]
    }
    if (stage.estate.families.size >= MOST_FAMILIES) return
    const clientId = waiting.pop() as string
    const family = await startFamily(stage, session, clientId)
    if (family === undefined) session = undefined
    else stage.estate.families.add(family)
  }
}

async function startFamily(stage: Stage, session: Session, clientId: string): Promise<Family | undefined> {
  const code = await obtainCode(stage, session, clientId)
  if (code === undefined) return undefined
  const artefact = stage.estate.name('code')
  const answer = await untilAnswered(async (attempt) => {
    const sent = await post(stage.fleet.urls, stage.node(), '/token', redemption(clientId, code))
    const isExpected = attempt === 0
    const use = { kind: 'use' as const, artefact, subjects: [session.name], isExpected, ...timesOf(sent) }
    const { issued } = code
    stage.record({ ...use, ...resultOf(sent), issued })
    return sent
  })
  const [refreshToken, access] = [textOf(answer, 'refresh_token'), textOf(answer, 'access_token')]
  if (answer.outcome !== 'success' || refreshToken === undefined || access === undefined) return undefined
  const name = stage.estate.name('family')
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

async function signOut(stage: Stage, session: Session): Promise<void> {
  const { families, ended } = stage.estate
  const own = [...families].filter(({ subjects }) => subjects.includes(session.name))
  for (const family of own) families.delete(family)
  await logOut(stage, session)
  for (const family of own) ended.push({ subject: session.name, access: family.access, family })
}

export async function refreshFamilies(stage: Stage): Promise<void> {
  const family = stage.chance.pick([...stage.estate.families].filter(({ isBusy }) => !isBusy))
  if (family === undefined) return
  family.isBusy = true
  try {
    const [first, second] = stage.twoNodes()
    const nodes = stage.chance.happens(0.3) ? [first, second] : [stage.node()]
    const answers = await Promise.all(nodes.map((node) => refreshAt(stage, family, node, true)))
    await goOn(stage, family, answers)
  } finally {
    family.isBusy = false
  }
}

export async function refreshAt(stage: Stage, family: Family, node: number, isExpected: boolean): Promise<Answer> {
  return useRefreshToken(stage, family, family.refreshToken, node, isExpected)
}

async function useRefreshToken(stage: Stage, family: Family, refreshToken: string, node: number, isExpected: boolean) {
  const params = { grant_type: 'refresh_token', client_id: family.clientId, refresh_token: refreshToken }
  const answer = await post(stage.fleet.urls, node, '/token', params)
  const artefact = `${family.name}/${nameOf(refreshToken)}`
  const use = { kind: 'use' as const, artefact, subjects: family.subjects, isExpected, ...timesOf(answer) }
  stage.record({ ...use, ...resultOf(answer), issued: family.access.issued })
  return answer
}

/** Takes over what was answered; asks again where nothing is known. */
async function goOn(stage: Stage, family: Family, answers: readonly Answer[]): Promise<void> {
  const isUnknown = answers.every(({ outcome }) => outcome === 'error')
  const again = () => refreshAt(stage, family, stage.node(), true)
  const answer = isUnknown ? await untilAnswered(again) : answers.find(({ outcome }) => outcome === 'success')
  const refreshToken = answer && textOf(answer, 'refresh_token')
  const access = answer && textOf(answer, 'access_token')
  if (answer === undefined || refreshToken === undefined || access === undefined) {
    stage.estate.families.delete(family)
    return
  }
  const used = family.refreshToken
  family.refreshToken = refreshToken
  family.access = tokenOf(access, family.subjects, answer)
  if (stage.chance.happens(0.08)) sacrifice(stage, family, used)
}

/** The used token comes again, as from a thief: that may end the family, so nothing more is expected of it. */
function sacrifice(stage: Stage, family: Family, used: string): void {
  stage.estate.families.delete(family)
  stage.estate.replays.push({
    dueMs: performance.now() + stage.chance.between(0, LONGEST_REPLAY_MS),
    present: async () => void (await useRefreshToken(stage, family, used, stage.anyNode(), false)),
  })
}
