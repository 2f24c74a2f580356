/** Endings: applications revoke tokens, operators revoke grants. Each is asked for until it is acknowledged. */

import { timesOf } from './browsers.ts'
import { type Answer, post, timed } from './calls.ts'
import { NODES } from './fleet.ts'
import type { LoadContext } from './load.ts'

/** The command is none of the nodes: it has to work when all of them do. */
const NOT_A_NODE = NODES
const RETRY_MS = 250
const TRIES = 60

export async function endFamilies(context: LoadContext): Promise<void> {
  const { families, ended } = context.state
  const family = context.chance.pick([...families].filter(({ isBusy }) => !isBusy))
  if (family === undefined) return
  family.isBusy = true
  const { clientId, access } = family
  const revoke = (token: string) => (node: number) =>
    post(context.fleet.urls, node, '/revoke', { client_id: clientId, token })
  try {
    if (context.chance.happens(0.5)) {
      const [subject = ''] = access.subjects
      if (await endUntilAcknowledged(context, 'revocation', subject, revoke(access.token)))
        ended.push({ subject, access, family: undefined })
    } else {
      families.delete(family)
      const isEnded = await endUntilAcknowledged(context, 'revocation', family.name, revoke(family.refreshToken))
      if (isEnded) ended.push({ subject: family.name, access, family })
    }
  } finally {
    family.isBusy = false
  }
}

/** `grantor revoke grant`, which works on the store by itself. */
export async function endFamiliesByCommand(context: LoadContext): Promise<void> {
  const { families, ended } = context.state
  const family = context.chance.pick([...families])
  if (family === undefined) return
  families.delete(family)
  const isEnded = await endUntilAcknowledged(context, 'command', family.name, () =>
    timed(NOT_A_NODE, async () => {
      const code = await context.fleet.command('revoke', 'grant', '--', family.grantId)
      return { status: code === 0 ? 200 : 503, body: {} }
    }),
  )
  if (isEnded) ended.push({ subject: family.name, access: family.access, family })
}

/** Whether the ending was acknowledged in the end. */
export async function endUntilAcknowledged(
  context: LoadContext,
  way: string,
  subject: string,
  end: (node: number) => Promise<Answer>,
): Promise<boolean> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const answer = await end(context.anyNode())
    context.record({ kind: 'ending', way, subject, ...timesOf(answer) })
    if (answer.outcome !== 'error') return answer.outcome === 'success'
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
  return false
}
