/**
 * Another process on the same file, for tests. Run as `node embedded-process.ts <file> <task>`.
 *
 * `race` works on the counter and the keys that the test works on too, and prints what it won. `write` puts one key
 * after the other and prints each when it is acknowledged, until it is ended.
 */

import { systemClock } from '../../src/base/clock.ts'
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts'
import type { Key, Store } from '../../src/store/store.ts'

export const COUNTER: Key = 'counter:{aa}:race'
export const ROUNDS = 200

export function raceKey(round: number): Key {
  return `race:{aa}:${round}`
}

/** Every process in the race does this; gives the rounds in which it was the first. */
export async function race(store: Store, by: string): Promise<number[]> {
  const won: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await store.increment(COUNTER, 60)
    const { outcome } = await store.consume(raceKey(round), by)
    if (outcome === 'won') won.push(round)
  }
  return won
}

async function write(store: Store): Promise<never> {
  for (let i = 0; ; i++) {
    const keys = Array.from({ length: 8 }, (_, j): Key => `written:{aa}:${i}-${j}`)
    await Promise.all(keys.map((key) => store.put(key, `value of ${key}`)))
    process.stdout.write(keys.map((key) => `${key}\n`).join(''))
  }
}

if (import.meta.main) {
  const [file = '', task] = process.argv.slice(2)
  const store = await openEmbeddedStore({ file, clock: systemClock })
  if (task === 'write') await write(store)
  process.stdout.write(JSON.stringify(await race(store, 'the other process')))
  await store.close()
}
