/** Codes that are redeemed twice on purpose: at two nodes at once, one after the other, or some time later. */

import { newSession, obtainCode, redemption, type Session, timesOf } from './browsers.ts'
import { post } from './calls.ts'
import { REPLAYING } from './fleet.ts'
import type { Stage } from './load.ts'

const LONGEST_REPLAY_MS = 30_000
/** A session collects a grant for each code. */
const CODES_PER_SESSION = 40

export function redeemTwice(): (stage: Stage) => Promise<void> {
  let session: Session | undefined
  let codes = 0

  return async function redeem(stage) {
    if (session === undefined || codes++ % CODES_PER_SESSION === 0) session = newSession(stage)
    const { name } = session
    const code = await obtainCode(stage, session, REPLAYING)
    if (code === undefined) {
      session = undefined
      return
    }
    const artefact = stage.estate.name('code')
    const present = async (node: number, isExpected: boolean) => {
      const answer = await post(stage.fleet.urls, node, '/token', redemption(REPLAYING, code))
      const { issued } = code
      stage.record({ kind: 'use', artefact, subjects: [name], isExpected, issued, ...timesOf(answer) })
    }
    const [first, second] = stage.twoNodes()
    if (stage.chance.happens(0.5)) await Promise.all([present(first, false), present(second, false)])
    else await present(first, true)
    const dueMs = performance.now() + stage.chance.between(0, LONGEST_REPLAY_MS)
    stage.estate.replays.push({ dueMs, present: () => present(stage.anyNode(), false) })
  }
}
