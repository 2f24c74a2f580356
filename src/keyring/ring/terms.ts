/**
 * Durations that were promised and may still apply: the `max-age` of the JWKS, the lifetimes of tokens and sessions.
 *
 * After a setting is shortened, things that were issued under the longer one still exist. While servers are replaced
 * one after the other, both settings are in use. So a term stays in the ring until everything issued under it has
 * ended. Overlaps are as long as the longest term in the ring.
 */

export interface Term {
  readonly seconds: number
  /** When everything issued under it has ended; absent while every node promises this term and no other. */
  readonly until?: number
}

export function longest(terms: readonly Term[]): number {
  return Math.max(0, ...terms.map(({ seconds }) => seconds))
}

/**
 * The terms after a node has promised `seconds`. A node calls this before the first use, and repeatedly while it runs.
 * Settled terms stay unchanged, so repeating it writes nothing.
 */
export function noteTerm(terms: readonly Term[], seconds: number, now: number, marginSeconds: number): Term[] {
  const known = terms.some((term) => term.seconds === seconds) ? terms : [...terms, { seconds }]
  const binding = known.filter((term) => term.seconds === seconds || term.until === undefined || term.until > now)
  if (binding.length === 1) return [{ seconds }]
  return binding.map((term) => (term.seconds === seconds ? renewed(term) : ending(term)))

  // This node promises another duration. A node that still promises this one repeats it itself.
  function ending(term: Term): Term {
    return term.until === undefined ? { ...term, until: now + term.seconds + marginSeconds } : term
  }

  // Twice as long as needed, or two nodes that never agree would write the ring every second.
  function renewed(term: Term): Term {
    if (term.until === undefined || term.until >= now + seconds + marginSeconds) return term
    return { seconds, until: now + 2 * seconds + marginSeconds }
  }
}
