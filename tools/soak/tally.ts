/** What the soak counts, and what of it makes it fail. */

import { ALGORITHMS, type Algorithm } from './soak-servers.ts'

/** A token with what its verifiers are to be told, and what the soak itself reads in it. */
export interface Handed {
  readonly token: string
  readonly use: 'access' | 'id'
  readonly algorithm: Algorithm
  readonly keyId: string
  readonly audience: string
  /** Epoch seconds. */
  readonly expiresAt: number
}

export type Look = 'atOnce' | 'beforeExpiry'

export interface Looks {
  atOnce: number
  beforeExpiry: number
  refused: number
  /** Begun in time and ended after the token had: no verdict. */
  tooLate: number
}

export interface Tally {
  requests: number
  tokens: number
  readonly looks: Map<string, Looks>
  /** One sentence each, for the first of them. */
  readonly failures: string[]
  failedRequests: number
  readonly keysSeen: Map<Algorithm, Set<string>>
}

const FAILURES_TOLD = 20

export function createTally(kinds: readonly string[]): Tally {
  return {
    requests: 0,
    tokens: 0,
    looks: new Map(kinds.map((kind) => [kind, { atOnce: 0, beforeExpiry: 0, refused: 0, tooLate: 0 }])),
    failures: [],
    failedRequests: 0,
    keysSeen: new Map(ALGORITHMS.map((algorithm) => [algorithm, new Set()])),
  }
}

/**
 * Counted from outside: a key has been promoted when a token comes that it signed. What the servers say of themselves
 * is not asked.
 */
export function rotationsOf({ keysSeen }: Tally): number {
  return [...keysSeen.values()].reduce((sum, keys) => sum + Math.max(0, keys.size - 1), 0)
}

export function refusalsOf({ looks }: Tally): number {
  return [...looks.values()].reduce((sum, { refused }) => sum + refused, 0)
}

export function verificationsOf({ looks }: Tally): number {
  return [...looks.values()].reduce((sum, { atOnce, beforeExpiry }) => sum + atOnce + beforeExpiry, 0)
}

export function noteFailure(tally: Tally, sentence: string): void {
  if (tally.failures.length < FAILURES_TOLD) tally.failures.push(sentence)
}
