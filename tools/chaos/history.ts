/**
 * What the clients of the rig saw: every request that matters with its beginning and end, in the order of its end.
 *
 * Times are milliseconds on one monotonic clock, taken by the client: a request was answered somewhere between its
 * `startMs` and its `endMs`. Artefacts and subjects carry names that the rig gave them, so a history holds no token.
 */

/** `error`: no usable answer (5xx, cut off, too late), so that nothing is known about what was done. */
export type Outcome = 'success' | 'refused' | 'error'

/** Which node issued something, and between which two times. */
export interface Issued {
  readonly node: number
  readonly startMs: number
  readonly endMs: number
}

interface Timed {
  readonly startMs: number
  readonly endMs: number
  /** The number of the node that was asked. */
  readonly node: number
}

/** An artefact was presented that may be used once. */
export interface Use extends Timed {
  readonly kind: 'use'
  /** A code, a refresh token, an assertion, a pushed request, named by the rig. */
  readonly artefact: string
  readonly outcome: Outcome
  /** What it gave. Two uses that gave the same are one use: the repeated answer of the idempotency window. */
  readonly result?: string
  /** What it hangs on: an ending of one of these ends the artefact too. */
  readonly subjects: readonly string[]
  /** A refusal of this use would be a loss: the artefact was given out, is unused, and nothing it hangs on has ended. */
  readonly isExpected: boolean
  readonly issued?: Issued
}

/** A token was shown, to be told whether it is good. */
export interface Look extends Timed {
  readonly kind: 'look'
  readonly at: 'introspection' | 'verifier'
  readonly subjects: readonly string[]
  readonly outcome: Outcome
  /** The reason of a refusal, as the verifier gives it. */
  readonly reason?: string
  readonly issued: Issued
}

/** A request to end something; with `success` the ending is acknowledged. */
export interface Ending extends Timed {
  readonly kind: 'ending'
  readonly way: string
  readonly subject: string
  readonly outcome: Outcome
}

/** Any other request. */
export interface Request extends Timed {
  readonly kind: 'request'
  readonly what: string
  readonly outcome: Outcome
}

/** The feed of a node told its verifier that it has said everything. */
export interface Current {
  readonly kind: 'current'
  readonly node: number
  readonly atMs: number
}

/** A fault, and from when on each node has a primary that it can reach. */
export interface Fault {
  readonly kind: 'fault'
  readonly name: string
  readonly round: number
  readonly injectedMs: number
  readonly primaryMs: readonly number[]
  /** Errors may begin for so long after that. */
  readonly errorLimitMs: number
  /** When the round was over. */
  readonly endMs: number
}

/** No node could reach the store between these two, or this node knew that its clock is wrong: nothing may be served. */
export interface Outage {
  readonly kind: 'outage'
  /** All nodes unless set. */
  readonly node?: number
  /** For so long it may go on. */
  readonly graceMs: number
  readonly fromMs: number
  readonly untilMs: number
}

/** Something that had to be so, such as a node that says what is wrong with it. */
export interface Expectation {
  readonly kind: 'expectation'
  readonly what: string
  readonly isMet: boolean
  readonly atMs: number
}

/** A node said whether it is ready, and what is wrong if not; recorded when that changes. */
export interface Readiness {
  readonly kind: 'readiness'
  readonly node: number
  readonly problem: string
  readonly atMs: number
}

export type Event = Use | Look | Ending | Request | Current | Fault | Outage | Expectation | Readiness

export interface History {
  readonly events: readonly Event[]
  add(event: Event): void
}

export function createHistory(): History {
  const events: Event[] = []
  return { events, add: (event) => void events.push(event) }
}
