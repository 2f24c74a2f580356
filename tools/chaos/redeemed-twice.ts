/** Codes that are redeemed twice on purpose: at two nodes at once, one after the other, or some time later. */

import { newSession, obtainCode, redemption, type Session, timesOf } from './browsers.ts'
import { post } from './calls.ts'
import { REPLAYING } from './fleet.ts'
import type { LoadContext } from './load.ts'

const LONGEST_REPLAY_MS = 30_000
/** A session collects a grant for each code. */
const CODES_PER_SESSION = 40

export function redeemTwice(): (context: LoadContext) => Promise<void> {
  let session: Session | undefined
  let codes = 0

  return async function redeem(context) {
    if (session === undefined || codes++ % CODES_PER_SESSION === 0) session = newSession(context)
    const { name } = session
    const code = await obtainCode(context, session, REPLAYING)
    if (code === undefined) {
      session = undefined
      return
    }
    const artefact = context.state.name('code')
    const present = async (node: number, isExpected: boolean) => {
      const answer = await post(context.fleet.urls, node, '/token', redemption(REPLAYING, code))
      const { issued } = code
      context.record({ kind: 'use', artefact, subjects: [name], isExpected, issued, ...timesOf(answer) })
    }
    const [first, second] = context.twoNodes()
    if (context.chance.happens(0.5)) await Promise.all([present(first, false), present(second, false)])
    else await present(first, true)
    const dueMs = performance.now() + context.chance.between(0, LONGEST_REPLAY_MS)
    context.state.replays.push({ dueMs, present: () => present(context.anyNode(), false) })
  }
}
