/**
 * The failures that are not a programmer's mistake: a class for each state, with a stable code.
 *
 * A programmer's mistake is a `TypeError`. A fault has no sentence for people: `i18n/` finds one by its code, or by its
 * code and reason when the class lists reasons. `detail` goes only to the log. docs/errors.md lists every code; a test
 * compares the two.
 */

/** The properties that a class of faults declares. */
export interface FaultKind {
  readonly code: string
  readonly status?: number
  /** The status by reason. */
  readonly reasons?: Readonly<Record<string, number>>
}

/** A value that a sentence mentions; a length of time is written in the reader's language. */
export type FaultValue = string | number | { readonly seconds: number }

export interface FaultOptions {
  /** For the log, never for the caller. */
  readonly detail?: string
  readonly cause?: unknown
}

interface FaultFacts {
  readonly reason?: string
  readonly values?: Readonly<Record<string, FaultValue>>
  readonly problems?: readonly string[]
}

export abstract class Fault extends Error {
  readonly code: string
  readonly status: number
  /** One of the class's `reasons`; `undefined` where it has none. */
  readonly reason: string | undefined
  readonly values: Readonly<Record<string, FaultValue>>
  /** The remedies for the operator, a sentence each, when only the place of the failure knows them. */
  readonly problems: readonly string[]
  readonly detail: string | undefined

  constructor(options: FaultOptions = {}, { reason, values = {}, problems = [] }: FaultFacts = {}) {
    const { code, status, reasons = {} }: FaultKind = new.target as never
    const key = reason === undefined ? code : `${code}.${reason}`
    super(problems.length > 0 ? problems.join('\n') : key, options.cause === undefined ? {} : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.status = (reason === undefined ? status : reasons[reason]) ?? 500
    this.reason = reason
    this.values = values
    this.problems = problems
    this.detail = options.detail
  }
}

/** After how many seconds it may help to try again; `undefined` when it never will. */
export function retryAfterOf(fault: Fault): number | undefined {
  return 'retryAfterSeconds' in fault ? Number(fault.retryAfterSeconds) : undefined
}
