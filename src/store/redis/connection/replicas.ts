/**
 * How many replicas have to confirm a write before it is acknowledged.
 *
 * One is not enough while several could become the primary. In a failover Sentinel promotes one replica, and for
 * seconds the old primary continues with the others, which confirm writes that they lose when they follow the promoted
 * one. So every replica that could be promoted has to confirm. A replica counts as soon as the primary reports it as in
 * sync. A replica that disconnects counts until it is known that it cannot have been promoted.
 *
 * When the majority of the promoting nodes reports that no replica is left, no failover can lose a write. Unless the
 * operator requires a number of replicas, the primary then continues alone until a replica is in sync again.
 */

export class Replicas {
  readonly #fewest: number | undefined
  readonly #counted = new Set<string>()
  /** Replicas of the primary that cannot be promoted, such as those with priority 0. */
  readonly #passive = new Set<string>()
  #inStep: ReadonlySet<string> = new Set()
  #isAlone = false

  /** `fewest` is asked for even if there are fewer; 0 asks for none at all, `undefined` for one while one is left. */
  constructor(fewest: number | undefined) {
    this.#fewest = fewest
  }

  /**
   * Replicas that count from now on, until `note` corrects it: a replica may be promoted, or have been, at any time.
   */
  expect(names: readonly string[]): void {
    for (const name of names) if (!this.#passive.has(name)) this.#counted.add(name)
  }

  /** Replicas that follow the primary, whether or not `note` has them yet. */
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

  /** Whether the primary continues without any replica. */
  get isAlone(): boolean {
    return this.#fewest === undefined && this.#isAlone
  }

  get isEnough(): boolean {
    return this.#inStep.size >= this.needed && this.missing.length === 0
  }

  /** The replicas that count and are not in sync with the primary. */
  get missing(): string[] {
    return [...this.#counted].filter((name) => !this.#inStep.has(name))
  }

  /** Why nothing can be acknowledged; `undefined` while it can. */
  get problem(): string | undefined {
    if (this.isEnough) return undefined
    const missing = this.missing.length > 0 ? ` (missing: ${this.missing.join(', ')})` : ''
    return `${this.#inStep.size} of the ${this.needed} replicas that have to confirm a write are in step${missing}`
  }

  /** The primary's first report. */
  meet(inStep: readonly string[]): void {
    this.#inStep = new Set(inStep)
    this.expect(inStep)
  }

  /**
   * The primary's report, which replicas are known to be promotable or not, and whether the majority of the promoting
   * nodes reports that none is left.
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
    // A replica that returns is not waited for before it is in sync.
    this.#isAlone = inStep.length === 0 && this.#counted.size === 0 && (isAlone || this.#isAlone)
  }
}
