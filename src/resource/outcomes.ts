/** Telling an API how its tokens fare, for its metrics: what it does with that can fail no request. */

import { Refusal, type RefusalCode } from './refusals.ts'

/** The outcome of one token. Contains no secret and identifies no person. */
export interface OutcomeEvent {
  readonly outcome: 'accepted' | RefusalCode | 'error'
  /** Whether its signature had been checked before. */
  readonly remembered: boolean
  readonly durationMs: number
}

/** Filled in while a token is verified. */
export interface Progress {
  remembered: boolean
}

/** Runs `work` and reports its outcome. `elapsed` gives milliseconds. */
export async function observed<T>(
  { onOutcome, elapsed }: { onOutcome: (event: OutcomeEvent) => void; elapsed: () => number },
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  const startedAt = elapsed()
  const progress: Progress = { remembered: false }
  function tell(outcome: OutcomeEvent['outcome']): void {
    try {
      onOutcome({ outcome, remembered: progress.remembered, durationMs: elapsed() - startedAt })
    } catch {
      // A metrics callback that throws must not refuse a request.
    }
  }

  try {
    const result = await work(progress)
    tell('accepted')
    return result
  } catch (error) {
    tell(error instanceof Refusal ? error.code : 'error')
    throw error
  }
}
