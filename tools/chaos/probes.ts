/** Those who ask: is what lives good, is what was ended refused, and does what was used work again? */

import { timesOf } from './browsers.ts'
import { post } from './calls.ts'
import type { AccessToken, Ended } from './estate.ts'
import { API } from './fleet.ts'
import type { Stage } from './load.ts'
import { refreshAt } from './people.ts'

/** As many endings are asked about again and again; with each new one the oldest is let go. */
const MOST_ENDED = 150

/** Half of the questions are about the newest endings, half about older ones. */
export async function lookAtEnded(stage: Stage): Promise<void> {
  const { ended } = stage.estate
  if (ended.length > MOST_ENDED) ended.splice(0, ended.length - MOST_ENDED)
  const candidates = stage.chance.happens(0.5) ? ended.slice(-10) : ended
  const one = stage.chance.pick<Ended>(candidates)
  if (one === undefined) return
  if (one.family !== undefined && stage.chance.happens(0.4)) {
    await refreshAt(stage, one.family, stage.anyNode(), false)
  } else if (one.access !== undefined) {
    await look(stage, one.access)
  }
}

export async function lookAtLiving(stage: Stage): Promise<void> {
  const family = stage.chance.pick([...stage.estate.families])
  if (family !== undefined) await look(stage, family.access)
}

/** Shows a token to the introspection of a node, or to the verifier that follows a node. */
export async function look(stage: Stage, { token, subjects, issued }: AccessToken): Promise<void> {
  const node = stage.anyNode()
  if (stage.chance.happens(0.5)) {
    const answer = await post(stage.fleet.urls, node, '/introspect', { token }, API)
    const outcome = answer.outcome === 'success' && answer.body.active !== true ? 'refused' : answer.outcome
    stage.record({ kind: 'look', at: 'introspection', subjects, issued, ...timesOf(answer), outcome })
    return
  }
  const startMs = performance.now()
  const verdict = await stage.verifiers.verify(node, token)
  stage.record({ kind: 'look', at: 'verifier', subjects, issued, node, startMs, endMs: performance.now(), ...verdict })
}

/** Presents what was used before, when its time has come. */
export async function presentAgain(stage: Stage): Promise<void> {
  const { replays } = stage.estate
  const due = replays.findIndex(({ dueMs }) => dueMs <= performance.now())
  if (due >= 0) await replays.splice(due, 1)[0]?.present()
}
