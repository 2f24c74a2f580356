/**
 * Lengths of time that were promised and may still bind: a JWKS's `max-age`, the lives of tokens and of sessions.
 *
 * Whoever shortens one leaves things behind that were issued under the longer one, and while servers are replaced one
 * after the other both are promised at once. So a term stays in the ring until everything issued under it has ended;
 * overlaps are as long as the longest term that stands there.
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
 * The terms once a node has promised `seconds`, which it says before the first use and again and again while it goes on.
 * Settled terms stay as they are, so that saying it again writes nothing.
 */
export function noteTerm(terms: readonly Term[], seconds: number, now: number, marginSeconds: number): Term[] {
  const known = terms.some((term) => term.seconds === seconds) ? terms : [...terms, { seconds }]
  const binding = known.filter((term) => term.seconds === seconds || term.until === undefined || term.until > now)
  if (binding.length === 1) return [{ seconds }]
  return binding.map((term) => (term.seconds === seconds ? renewed(term) : ending(term)))

  // This node promises another; whether somebody still promises this one, he will say himself.
  function ending(term: Term): Term {
    return term.until === undefined ? { ...term, until: now + term.seconds + marginSeconds } : term
  }

  // Twice as long as needed, or two nodes that never agree would write the ring every second.
  function renewed(term: Term): Term {
    if (term.until === undefined || term.until >= now + seconds + marginSeconds) return term
    return { seconds, until: now + 2 * seconds + marginSeconds }
  }
}
