/**
 * Judges a history: which promises did the server break? A pure function; it knows no server.
 *
 * A request counts by the client's own times, so a slow machine breaks no promise: a success breaks one only if it began
 * after the acknowledgement of the ending had come back, and a window later.
 */

import type { Current, Ending, Event, Fault, Issued, Look, Outage, Outcome, Request, Use } from './history.ts'

export type ViolationKind =
  /** An artefact gave two different things. */
  | 'used_twice'
  /** Something was used or accepted after it had been ended. */
  | 'alive_after_end'
  /** What was given out is refused although nothing ended it. */
  | 'lost'
  /** A token of ours does not verify under the published keys. */
  | 'unverifiable'
  /** A request failed when the fault should have been over. */
  | 'error_too_late'
  /** A node served although it could not reach its store, or knew its clock to be wrong, for longer than it may. */
  | 'served_in_outage'
  /** Something that had to be so was not. */
  | 'unmet'

export interface Violation {
  readonly kind: ViolationKind
  readonly atMs: number
  readonly what: string
}

export interface Rules {
  /** How long after its acknowledgement an ending may go unnoticed. */
  readonly windowMs: number
  /** A verifier whose feed is not current goes on accepting for so long at most. */
  readonly silenceMs: number
}

export const RULES: Rules = { windowMs: 1000, silenceMs: 16_000 }

type Answered = Use | Look | Ending | Request

export function check(events: readonly Event[], rules: Rules = RULES): Violation[] {
  const violations = [
    ...usedTwice(events),
    ...aliveAfterEnd(events, rules),
    ...lost(events),
    ...unverifiable(events),
    ...errorsTooLate(events),
    ...servedInOutage(events),
    ...unmet(events),
  ]
  return violations.toSorted((a, b) => a.atMs - b.atMs)
}

function usedTwice(events: readonly Event[]): Violation[] {
  const firsts = new Map<string, Use>()
  return events.filter(isUse).flatMap((use) => {
    if (use.outcome !== 'success') return []
    const first = firsts.get(use.artefact)
    if (first === undefined) firsts.set(use.artefact, use)
    if (first === undefined || (use.result !== undefined && use.result === first.result)) return []
    const what = `${use.artefact} was used at node ${first.node} (${told(first)}) and again at node ${use.node} (${told(use)})`
    return [{ kind: 'used_twice', atMs: use.startMs, what }]
  })
}

function aliveAfterEnd(events: readonly Event[], rules: Rules): Violation[] {
  const endings = firstAcknowledged(events)
  const currents = events.filter((event): event is Current => event.kind === 'current')
  return events.filter(isUseOrLook).flatMap((seen) => {
    if (seen.outcome !== 'success') return []
    const ending = seen.subjects
      .map((subject) => endings.get(subject))
      .filter((one) => one !== undefined)
      .toSorted((a, b) => a.endMs - b.endMs)[0]
    if (ending === undefined || seen.startMs <= ending.endMs + rules.windowMs) return []
    if (seen.kind === 'look' && seen.at === 'verifier' && mayNotKnow(seen, ending, currents, rules)) return []
    const where = seen.kind === 'use' ? `used ${seen.artefact}` : `called active by ${seen.at}`
    const late = Math.round(seen.startMs - ending.endMs)
    const what = `${ending.subject} was ended by ${ending.way} at node ${ending.node} (${told(ending)}), and ${where} at node ${seen.node} ${late} ms later (${told(seen)})`
    return [{ kind: 'alive_after_end', atMs: seen.startMs, what }]
  })
}

/** The feed has not called itself current since the ending, and has not yet been silent for too long. */
function mayNotKnow(seen: Look, ending: Ending, currents: readonly Current[], rules: Rules): boolean {
  const knowsFrom = ending.endMs + rules.windowMs
  const wasTold = currents.some(({ node, atMs }) => node === seen.node && atMs > knowsFrom && atMs < seen.startMs)
  return !wasTold && seen.startMs <= ending.endMs + rules.silenceMs
}

function firstAcknowledged(events: readonly Event[]): Map<string, Ending> {
  const first = new Map<string, Ending>()
  for (const event of events) {
    if (event.kind !== 'ending' || event.outcome !== 'success') continue
    const known = first.get(event.subject)
    if (known === undefined || event.endMs < known.endMs) first.set(event.subject, event)
  }
  return first
}

function lost(events: readonly Event[]): Violation[] {
  const faults = faultsOf(events)
  return events.filter(isUse).flatMap((use) => {
    if (!use.isExpected || use.outcome !== 'refused' || isTouched(use, events)) return []
    if (isUnwell(faultAt(faults, use.endMs), use) || wasIssuedUnwell(faults, use.issued)) return []
    if (events.some((other) => mayHaveEnded(other, use, faults))) return []
    const what = `${use.artefact} is refused at node ${use.node} (${told(use)}), and nothing ended it`
    return [{ kind: 'lost', atMs: use.startMs, what }]
  })
}

/** The node is cut off, or its clock is wrong, while others serve: it may refuse what is good. */
function isUnwell(fault: Fault | undefined, { node, startMs }: Issued): boolean {
  if (fault === undefined) return false
  const ownMs = recoveryOf(fault, node)
  return ownMs > Math.min(...fault.primaryMs) && startMs < ownMs
}

/** To a node whose clock is wrong a repeated refresh may look like reuse, which ends the family. */
function mayHaveEnded(other: Event, use: Use, faults: readonly Fault[]): boolean {
  if (other.kind !== 'use' || other.outcome === 'success' || other.startMs > use.endMs) return false
  return other.subjects[0] === use.subjects[0] && isUnwell(faultAt(faults, other.endMs), other)
}

/** A clock that has just become wrong dates what the node issues wrongly until the node notices. */
function wasIssuedUnwell(faults: readonly Fault[], issued: Issued | undefined): boolean {
  if (issued === undefined) return false
  return isUnwell(faultAt(faults, issued.endMs), issued)
}

/** A request tried to end it, or used it too, before this answer: then the refusal may be right. */
function isTouched(use: Use, events: readonly Event[]): boolean {
  return events.some((event) => {
    if (event === use || !('startMs' in event) || event.startMs >= use.endMs) return false
    if (event.kind === 'ending') return use.subjects.includes(event.subject)
    return event.kind === 'use' && event.artefact === use.artefact && event.outcome !== 'refused'
  })
}

function unverifiable(events: readonly Event[]): Violation[] {
  const faults = faultsOf(events)
  return events.flatMap((event) => {
    if (event.kind !== 'look' || event.reason !== 'token_invalid') return []
    if (wasIssuedUnwell(faults, event.issued)) return []
    const what = `a token that was issued does not verify at the verifier of node ${event.node} (${told(event)})`
    return [{ kind: 'unverifiable', atMs: event.startMs, what }]
  })
}

function errorsTooLate(events: readonly Event[]): Violation[] {
  const faults = faultsOf(events)
  return answersOf(events).flatMap((answer) => {
    if (answer.outcome !== 'error') return []
    // A request that was under way when the fault came is the fault's.
    const fault = faultAt(faults, answer.endMs)
    const overMs = fault === undefined ? Number.NEGATIVE_INFINITY : recoveryOf(fault, answer.node) + fault.errorLimitMs
    if (answer.startMs <= overMs) return []
    const since = fault === undefined ? 'without a fault' : `${Math.round(answer.startMs - overMs)} ms too late`
    const what = `${nameOf(answer)} failed at node ${answer.node} ${since} (${told(answer)})`
    return [{ kind: 'error_too_late', atMs: answer.startMs, what }]
  })
}

function servedInOutage(events: readonly Event[]): Violation[] {
  const outages = events.filter((event): event is Outage => event.kind === 'outage')
  return answersOf(events).flatMap((answer) => {
    const isVerifier = answer.kind === 'look' && answer.at === 'verifier'
    // Endings are tried as long as the store takes them.
    if (answer.outcome !== 'success' || isVerifier || answer.kind === 'ending') return []
    const outage = outages.find((one) => isWithin(answer, one))
    if (outage === undefined) return []
    const since = Math.round(answer.startMs - outage.fromMs)
    const what = `${nameOf(answer)} succeeded at node ${answer.node} ${since} ms into its outage (${told(answer)})`
    return [{ kind: 'served_in_outage', atMs: answer.startMs, what }]
  })
}

function isWithin({ node, startMs, endMs }: Answered, outage: Outage): boolean {
  const isItsOwn = outage.node === undefined || outage.node === node
  return isItsOwn && startMs > outage.fromMs + outage.graceMs && endMs < outage.untilMs
}

function unmet(events: readonly Event[]): Violation[] {
  return events.flatMap((event) => {
    if (event.kind !== 'expectation' || event.isMet) return []
    return [{ kind: 'unmet', atMs: event.atMs, what: event.what }]
  })
}

export interface RoundFigures {
  readonly requests: number
  readonly errors: number
  /** Acknowledged. */
  readonly endings: number
  readonly singleUses: number
  /** From the injection until each node had its primary, the longest of them. */
  readonly withoutPrimaryMs: number
  /** From when a node had its primary until its last failing request began; 0 when none did. */
  readonly longestBurstMs: number
  /** Verifiers that accepted what had ended while their feed was cut off. */
  readonly lateAtVerifier: number
  readonly slowestMs: number
}

/** The figures of one fault's round. */
export function figuresOf(events: readonly Event[], fault: Fault, rules: Rules = RULES): RoundFigures {
  const during = events.filter((event) => isDuring(event, fault))
  const answers = answersOf(during)
  const errors = answers.filter(({ outcome }) => outcome === 'error')
  const endings = firstAcknowledged(events)
  const isLate = (look: Look) =>
    look.subjects.some((subject) => look.startMs > (endings.get(subject)?.endMs ?? Infinity) + rules.windowMs)
  return {
    requests: answers.length,
    errors: errors.length,
    endings: during.filter(({ kind, ...rest }) => kind === 'ending' && isSuccess(rest)).length,
    singleUses: during.filter(({ kind, ...rest }) => kind === 'use' && isSuccess(rest)).length,
    withoutPrimaryMs: Math.max(...fault.primaryMs) - fault.injectedMs,
    longestBurstMs: Math.max(0, ...errors.map((error) => error.startMs - recoveryOf(fault, error.node))),
    lateAtVerifier: during.filter(
      (event) => event.kind === 'look' && event.at === 'verifier' && event.outcome === 'success' && isLate(event),
    ).length,
    slowestMs: Math.max(0, ...answers.map(({ startMs, endMs }) => endMs - startMs)),
  }
}

export function isDuring(event: Event, { injectedMs, endMs }: Fault): boolean {
  return 'startMs' in event && event.startMs >= injectedMs && event.startMs < endMs
}

function isSuccess(event: object): boolean {
  return (event as { outcome?: Outcome }).outcome === 'success'
}

function faultsOf(events: readonly Event[]): Fault[] {
  return events.filter((event): event is Fault => event.kind === 'fault')
}

function faultAt(faults: readonly Fault[], atMs: number): Fault | undefined {
  return faults.findLast(({ injectedMs }) => injectedMs <= atMs)
}

function recoveryOf(fault: Fault, node: number): number {
  return fault.primaryMs[node] ?? Math.max(...fault.primaryMs)
}

function answersOf(events: readonly Event[]): Answered[] {
  return events.filter((event): event is Answered => 'outcome' in event)
}

function isUse(event: Event): event is Use {
  return event.kind === 'use'
}

function isUseOrLook(event: Event): event is Use | Look {
  return event.kind === 'use' || event.kind === 'look'
}

function nameOf(answer: Answered): string {
  if (answer.kind === 'use') return `the use of ${answer.artefact}`
  if (answer.kind === 'look') return answer.at
  return answer.kind === 'ending' ? `ending ${answer.subject} by ${answer.way}` : answer.what
}

function told({ startMs, endMs }: { startMs: number; endMs: number }): string {
  return `${(startMs / 1000).toFixed(3)}–${(endMs / 1000).toFixed(3)} s`
}
