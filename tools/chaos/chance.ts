/** Chance from a seed, so that a run that found something can be made again. */

export interface Chance {
  /** From 0 to less than 1. */
  next(): number
  /** An integer from 0 to less than `end`. */
  below(end: number): number
  between(from: number, to: number): number
  happens(probability: number): boolean
  pick<T>(items: readonly T[]): T | undefined
}

/** mulberry32: 32 bits of state are enough to choose nodes and delays. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (end: number) => Math.floor(next() * end)
  return {
    next,
    below,
    between: (from, to) => from + next() * (to - from),
    happens: (probability) => next() < probability,
    pick: (items) => items[below(items.length)],
  }
}
