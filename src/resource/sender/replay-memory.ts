/**
 * Which DPoP proofs were used already (RFC 9449 section 11.1), in the memory of this process.
 *
 * Two sets, each for one span of time: when the span is over the younger becomes the older, and what the older held is
 * forgotten. So a proof is remembered for at least one span and nothing is ever swept.
 */

export interface ReplayMemory {
  /** `true` when this was not used within the span, and marks it as used. `undefined` when no more can be remembered. */
  use(name: string): boolean | undefined
}

export interface ReplayMemoryOptions {
  readonly spanSeconds: number
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** Forgetting early would let a proof in twice, so beyond this nothing is taken. */
  readonly maxProofs: number
}

export function createReplayMemory({ spanSeconds, clock, maxProofs }: ReplayMemoryOptions): ReplayMemory {
  let young = new Set<string>()
  let old = new Set<string>()
  let sinceMs = clock()

  function turn(): void {
    const passedMs = clock() - sinceMs
    // After a clock was set back, the span begins again, so everything is kept longer.
    if (passedMs < 0) sinceMs = clock()
    if (passedMs < spanSeconds * 1000) return
    old = passedMs < spanSeconds * 2000 ? young : new Set()
    young = new Set()
    sinceMs = clock()
  }

  return {
    use(name) {
      turn()
      if (young.has(name) || old.has(name)) return false
      if (young.size + old.size >= maxProofs) return undefined
      young.add(name)
      return true
    },
  }
}
