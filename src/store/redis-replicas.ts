/**
 * How many replicas have to confirm a write before it is acknowledged.
 *
 * One is not enough while several could become the primary: in a failover Sentinel promotes one replica, and for seconds
 * the old primary goes on with the others, which confirm what they will lose when they follow the promoted one. So every
 * replica has to confirm that could be promoted. A replica counts from when the primary says that it is in step; one that
 * leaves goes on counting until it is known that it cannot have been promoted.
 */

export class Replicas {
  readonly #fewest: number
  readonly #counted = new Set<string>()
  /** Followers of the primary that nobody can promote, such as those with priority 0. */
  readonly #passive = new Set<string>()
  #inStep: ReadonlySet<string> = new Set()

  /** `fewest` is asked for even if there are fewer; 0 asks for none at all. */
  constructor(fewest: number) {
    this.#fewest = fewest
  }

  /** Replicas that count from now on, until `note` knows better: one may be promoted, or have been, at any moment. */
  expect(names: readonly string[]): void {
    for (const name of names) if (!this.#passive.has(name)) this.#counted.add(name)
  }

  /** Replicas that follow the primary, whether or not `note` has been told of them yet. */
  join(names: readonly string[]): void {
    this.#inStep = new Set([...this.#inStep, ...names])
    this.expect(names)
  }

  /** How many have to confirm. */
  get needed(): number {
    return this.#fewest === 0 ? 0 : Math.max(this.#fewest, this.#counted.size)
  }

  get isEnough(): boolean {
    return this.#inStep.size >= this.needed
  }

  /** Those that count and are not in step with the primary. */
  get missing(): string[] {
    return [...this.#counted].filter((name) => !this.#inStep.has(name))
  }

  /** What the primary says, and of which replicas it is known whether they could be promoted. */
  note(inStep: readonly string[], canBePromoted: (name: string) => boolean | undefined): void {
    this.#inStep = new Set(inStep)
    this.#passive.clear()
    for (const name of inStep) {
      if (canBePromoted(name) === false) this.#passive.add(name)
      else this.#counted.add(name)
    }
    for (const name of this.#counted) {
      if (!(canBePromoted(name) ?? this.#inStep.has(name))) this.#counted.delete(name)
    }
  }

  /** Why nothing can be acknowledged; `undefined` while it can. */
  get problem(): string | undefined {
    if (this.isEnough) return undefined
    const missing = this.missing.length > 0 ? ` (missing: ${this.missing.join(', ')})` : ''
    return `${this.#inStep.size} of the ${this.needed} replicas that have to confirm a write are in step${missing}`
  }
}
