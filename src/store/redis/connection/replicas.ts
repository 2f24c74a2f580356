/**
 * How many replicas have to confirm a write before it is acknowledged.
 *
 * One is not enough while several could become the primary: in a failover Sentinel promotes one replica, and for seconds
 * the old primary goes on with the others, which confirm what they will lose when they follow the promoted one. So every
 * replica has to confirm that could be promoted. A replica counts from when the primary says that it is in step; one that
 * leaves goes on counting until it is known that it cannot have been promoted.
 *
 * When the majority of those who promote says that no replica is left, no failover can lose a write. Unless the operator
 * asks for a number of replicas, the primary then goes on alone, until a replica is in step again.
 */

export class Replicas {
  readonly #fewest: number | undefined
  readonly #counted = new Set<string>()
  /** Followers of the primary that nobody can promote, such as those with priority 0. */
  readonly #passive = new Set<string>()
  #inStep: ReadonlySet<string> = new Set()
  #isAlone = false

  /** `fewest` is asked for even if there are fewer; 0 asks for none at all, `undefined` for one while one is left. */
  constructor(fewest: number | undefined) {
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

  /** Whether any replica is ever asked. */
  get areAsked(): boolean {
    return this.#fewest !== 0
  }

  /** How many have to confirm. */
  get needed(): number {
    return this.#fewest === 0 ? 0 : Math.max(this.#fewest ?? (this.isAlone ? 0 : 1), this.#counted.size)
  }

  /** Whether the primary goes on without any replica. */
  get isAlone(): boolean {
    return this.#fewest === undefined && this.#isAlone
  }

  get isEnough(): boolean {
    return this.#inStep.size >= this.needed && this.missing.length === 0
  }

  /** Those that count and are not in step with the primary. */
  get missing(): string[] {
    return [...this.#counted].filter((name) => !this.#inStep.has(name))
  }

  /** Why nothing can be acknowledged; `undefined` while it can. */
  get problem(): string | undefined {
    if (this.isEnough) return undefined
    const missing = this.missing.length > 0 ? ` (missing: ${this.missing.join(', ')})` : ''
    return `${this.#inStep.size} of the ${this.needed} replicas that have to confirm a write are in step${missing}`
  }

  /** What a primary says when it is first met. */
  meet(inStep: readonly string[]): void {
    this.#inStep = new Set(inStep)
    this.expect(inStep)
  }

  /**
   * What the primary says, of which replicas it is known whether they could be promoted, and whether the majority of those
   * who promote says that none is left.
   */
  note(inStep: readonly string[], canBePromoted: (name: string) => boolean | undefined, isAlone = false): void {
    this.#inStep = new Set(inStep)
    this.#passive.clear()
    for (const name of inStep) {
      if (canBePromoted(name) === false) this.#passive.add(name)
      else this.#counted.add(name)
    }
    for (const name of this.#counted) {
      if (!(canBePromoted(name) ?? this.#inStep.has(name))) this.#counted.delete(name)
    }
    // A replica that comes back is not waited for before it is in step.
    this.#isAlone = inStep.length === 0 && this.#counted.size === 0 && (isAlone || this.#isAlone)
  }
}
