/**
 * What can go wrong through no mistake of the programmer: one class for each state, with a stable code.
 *
 * The programmer's own mistake is a `TypeError`. `code` is for machines, `message` is shown to the caller and tells no
 * secret, `detail` goes to the log only. Every code stands in docs/errors.md; a test compares the two.
 */

export interface FaultOptions {
  /** For the log, never for the caller. */
  readonly detail?: string
  readonly cause?: unknown
}

export abstract class Fault extends Error {
  abstract readonly code: string
  abstract readonly status: number
  readonly detail: string | undefined

  constructor(message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.detail = options.detail
  }
}

/** After how many seconds it may help to try again; `undefined` when it never will. */
export function retryAfterOf(fault: Fault): number | undefined {
  return 'retryAfterSeconds' in fault ? Number(fault.retryAfterSeconds) : undefined
}

/** What whoever runs the server reads: the message, and in brackets what is kept from callers. */
export function forOperator({ message, detail }: Fault): string {
  return detail === undefined ? message : `${message} (${detail})`
}
