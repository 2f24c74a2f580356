/** Times that are not valid numbers, and times that are too early or too late. */

import { type Attack, firstKey, mintFor, type Row } from './slot.ts'

const NO_MOMENTS = ['', 'tomorrow', {}, [], true, null, -1, 1e308, -1e308]
const FAR_SECONDS = 61

/** Refused, whatever the slot does with a good one. */
export function badTimes({ slot }: Attack): Row[] {
  const { now, judged, required, toleranceSeconds, takesFractions } = slot.times
  const key = firstKey(slot)
  const row = (name: string, claims: Record<string, unknown>): Row => ({ name, key, token: mintFor(slot, key, claims) })
  const mistyped = judged.flatMap((claim) => [
    ...[...NO_MOMENTS, String(now()), [now()]].map((value) =>
      row(`${claim} ${JSON.stringify(value)}`, { [claim]: value }),
    ),
    ...(takesFractions ? [] : [row(`${claim} with a fraction`, { [claim]: soon(claim, now()) + 0.5 })]),
  ])
  const missing = required.map((claim) => row(`${claim} missing`, { [claim]: undefined }))
  const late = judged.flatMap((claim) => {
    const tolerated = toleranceSeconds[claim]
    const sign = claim === 'exp' ? -1 : 1
    // A test may take a second: on its way a token of the future comes nearer, so its distance has one more.
    const beyond = claim === 'exp' ? tolerated : tolerated + 2
    const distances = [...new Set([beyond, Math.max(beyond, FAR_SECONDS), Math.max(beyond, 3600)])]
    return distances.map((distance) =>
      row(`${claim} ${sign * distance} s from now`, { [claim]: now() + sign * distance }),
    )
  })
  return [...mistyped, ...missing, ...late]
}

/** Taken: a clock that is wrong by no more than is tolerated (15 s between nodes and clients). */
export function tolerableTimes({ slot }: Attack): Row[] {
  const { now, judged, toleranceSeconds, takesFractions } = slot.times
  const key = firstKey(slot)
  const row = (name: string, claims: Record<string, unknown>): Row => ({ name, key, token: mintFor(slot, key, claims) })
  return [
    ...judged
      .filter((claim) => toleranceSeconds[claim] > 3)
      .map((claim) => {
        const distance = claim === 'exp' ? 3 - toleranceSeconds.exp : toleranceSeconds[claim]
        return row(`${claim} ${distance} s from now`, { [claim]: now() + distance })
      }),
    ...(takesFractions
      ? judged.map((claim) => row(`${claim} with a fraction`, { [claim]: soon(claim, now()) + 0.5 }))
      : []),
  ]
}

/** Good for this claim, whatever it means. */
function soon(claim: string, now: number): number {
  return claim === 'exp' ? now + 50 : now - 1
}
