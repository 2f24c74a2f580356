/** Those who ask: is what lives good, is what was ended refused, and does what was used work again? */

import { timesOf } from './browsers.ts'
import { post } from './calls.ts'
import type { AccessToken, Ended } from './live-state.ts'
import { API } from './fleet.ts'
import type { LoadContext } from './load.ts'
import { refreshAt } from './users.ts'

/** As many endings are asked about again and again; with each new one the oldest is let go. */
const MOST_ENDED = 150

/** Half of the questions are about the newest endings, half about older ones. */
export async function lookAtEnded(context: LoadContext): Promise<void> {
  const { ended } = context.state
  if (ended.length > MOST_ENDED) ended.splice(0, ended.length - MOST_ENDED)
  const candidates = context.chance.happens(0.5) ? ended.slice(-10) : ended
  const one = context.chance.pick<Ended>(candidates)
  if (one === undefined) return
  if (one.family !== undefined && context.chance.happens(0.4)) {
    await refreshAt(context, one.family, context.anyNode(), false)
  } else if (one.access !== undefined) {
    await look(context, one.access)
  }
}

export async function lookAtLiving(context: LoadContext): Promise<void> {
  const family = context.chance.pick([...context.state.families])
  if (family !== undefined) await look(context, family.access)
}

/** Shows a token to the introspection of a node, or to the verifier that follows a node. */
export async function look(context: LoadContext, { token, subjects, issued }: AccessToken): Promise<void> {
  const node = context.anyNode()
  if (context.chance.happens(0.5)) {
    const answer = await post(context.fleet.urls, node, '/introspect', { token }, API)
    const outcome = answer.outcome === 'success' && answer.body.active !== true ? 'refused' : answer.outcome
    context.record({ kind: 'look', at: 'introspection', subjects, issued, ...timesOf(answer), outcome })
    return
  }
  const startMs = performance.now()
  const verdict = await context.verifiers.verify(node, token)
  context.record({
    kind: 'look',
    at: 'verifier',
    subjects,
    issued,
    node,
    startMs,
    endMs: performance.now(),
    ...verdict,
  })
}

/** Presents what was used before, when its time has come. */
export async function presentAgain(context: LoadContext): Promise<void> {
  const { replays } = context.state
  const due = replays.findIndex(({ dueMs }) => dueMs <= performance.now())
  if (due >= 0) await replays.splice(due, 1)[0]?.present()
}
