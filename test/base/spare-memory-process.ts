/** A process that has taken memory it needs no more; told to, it keeps itself busy, and it says what it holds. */

import { giveBackSpareMemory } from '../../src/base/spare-memory.ts'

const REST_MS = 100
const BUSY_LOOKS = 6

giveBackSpareMemory({ restMs: REST_MS })
let taken: object[] = Array.from({ length: 2_000_000 }, (_, i) => ({ i }))
taken = taken.slice(0, 1)

process.on('message', (told: 'be busy' | 'say') => {
  if (told === 'be busy') stayBusy(performance.now() + BUSY_LOOKS * REST_MS)
  if (told === 'say') process.send?.(process.memoryUsage.rss())
})
process.send?.(process.memoryUsage.rss())
// What was taken is let go of, not thrown away before it was: an engine that is clever would not take it at all.
process.on('exit', () => taken.length)

/** Works in short pieces, so that timers come in between, and then says what it holds. */
function stayBusy(untilMs: number): void {
  const piece = performance.now() + 5
  while (performance.now() < piece);
  if (performance.now() < untilMs) setImmediate(stayBusy, untilMs)
  else process.send?.(process.memoryUsage.rss())
}
