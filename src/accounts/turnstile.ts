/**
 * How many may do the same costly thing at once.
 *
 * So many run, so many more wait in line, and the rest are sent away: a crowd costs its own members, not everybody
 * else on the node.
 */

import { LoginsBusy } from '../base/faults.ts'

export interface Turnstile {
  /** Whether the next call would be sent away. */
  isFull(): boolean
  /** Does the work when it is this call's turn. Throws `LoginsBusy` when the line is full. */
  pass<T>(work: () => Promise<T>): Promise<T>
}

export interface TurnstileLimits {
  readonly concurrent: number
  readonly waiting: number
}

export function createTurnstile({ concurrent, waiting }: TurnstileLimits): Turnstile {
  const line: (() => void)[] = []
  let running = 0

  const isFull = () => running >= concurrent && line.length >= waiting

  /** Whoever is next takes over the place, so that nobody can slip in between. */
  function leave(): void {
    const next = line.shift()
    if (next === undefined) running -= 1
    else next()
  }

  return {
    isFull,

    async pass(work) {
      if (isFull()) throw new LoginsBusy()
      if (running < concurrent) running += 1
      else await new Promise<void>((resolve) => line.push(resolve))
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}
