/**
 * The end of a node in two steps.
 *
 * Balancers notice only after a while that a node is unready, and those with passive checks only when it refuses a
 * connection. So a node that is leaving serves on for a while, and ends each connection with its next answer.
 */

export interface StopParts {
  /** Makes the node unready and still serves all requests. */
  readonly leave: () => void
  /** How long it serves after that. */
  readonly delayMs: number
  /** Refuses new work, finishes what is under way, and ends. */
  readonly close: () => Promise<void>
}

/** Called once more, the stop waits no longer for balancers. */
export function createStop({ leave, delayMs, close }: StopParts): () => Promise<void> {
  const hurry = Promise.withResolvers<void>()
  let stopping: Promise<void> | undefined

  async function run(): Promise<void> {
    leave()
    const timer = setTimeout(hurry.resolve, delayMs)
    await hurry.promise
    clearTimeout(timer)
    await close()
  }

  return async function stop() {
    if (stopping !== undefined) hurry.resolve()
    stopping ??= run()
    await stopping
  }
}
