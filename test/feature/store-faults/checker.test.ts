/** The checker of `npm run chaos`, by histories made by hand: each broken promise is found, and nothing else. */

import { describe, expect, it } from 'vitest'

import { check, figuresOf } from '../../../tools/chaos/checker.ts'
import type { Current, Ending, Event, Fault, Look, Request, Use } from '../../../tools/chaos/history.ts'

const RULES = { windowMs: 1000, silenceMs: 16_000 }

function aUse(more: Partial<Use> = {}): Use {
  const plain = { kind: 'use', artefact: 'code-1', node: 0, subjects: ['session-1'], isExpected: false } as const
  return { ...plain, outcome: 'success', startMs: 100, endMs: 110, ...more }
}

function aLook(more: Partial<Look> = {}): Look {
  const plain = { kind: 'look', at: 'introspection', node: 1, subjects: ['access-1', 'family-1'] } as const
  return {
    ...plain,
    issued: { node: 0, startMs: 500, endMs: 510 },
    outcome: 'success',
    startMs: 5000,
    endMs: 5010,
    ...more,
  }
}

function anEnding(more: Partial<Ending> = {}): Ending {
  const plain = { kind: 'ending', way: 'revocation', subject: 'family-1', node: 0 } as const
  return { ...plain, outcome: 'success', startMs: 1000, endMs: 1050, ...more }
}

function aRequest(more: Partial<Request> = {}): Request {
  return { kind: 'request', what: 'a machine token', node: 0, outcome: 'success', startMs: 0, endMs: 10, ...more }
}

function aFault(more: Partial<Fault> = {}): Fault {
  const plain = { kind: 'fault', name: 'kill', round: 1, injectedMs: 10_000, errorLimitMs: 5000 } as const
  return { ...plain, primaryMs: [12_000, 12_000, 12_000], endMs: 20_000, ...more }
}

function current(node: number, atMs: number): Current {
  return { kind: 'current', node, atMs }
}

function kinds(...events: readonly Event[]): string[] {
  return check(events, RULES).map(({ kind }) => kind)
}

describe('a single-use artefact', () => {
  it('that succeeds twice is a violation, at one node or at two', () => {
    expect(kinds(aUse(), aUse({ startMs: 200, endMs: 210 }))).toEqual(['used_twice'])
    expect(kinds(aUse(), aUse({ node: 1 }))).toEqual(['used_twice'])
  })

  it('that is refused or unanswered the second time is none', () => {
    expect(kinds(aUse(), aUse({ outcome: 'refused' }))).toEqual([])
    expect(kinds(aUse({ outcome: 'error', startMs: 0, endMs: 5 }), aUse())).toEqual(['error_too_late'])
  })

  it('may give the same successor again, and no other', () => {
    const first = aUse({ artefact: 'family-1/a', result: 'b' })
    expect(kinds(first, { ...first, node: 1 })).toEqual([])
    expect(kinds(first, { ...first, node: 1, result: 'c' })).toEqual(['used_twice'])
  })

  it('is told apart from other artefacts', () => {
    expect(kinds(aUse(), aUse({ artefact: 'code-2' }))).toEqual([])
  })
})

describe('what was ended', () => {
  it('and is called active later than the window after the acknowledgement is a violation', () => {
    expect(kinds(anEnding(), aLook({ startMs: 2051, endMs: 2060 }))).toEqual(['alive_after_end'])
    expect(kinds(anEnding({ subject: 'access-1' }), aLook())).toEqual(['alive_after_end'])
  })

  it('may be called active until the window is over, however late the answer comes', () => {
    expect(kinds(anEnding(), aLook({ startMs: 2050, endMs: 9000 }))).toEqual([])
  })

  it('counts from the first acknowledgement, and not without one', () => {
    const later = anEnding({ startMs: 6000, endMs: 6100 })
    expect(kinds(anEnding(), later, aLook())).toEqual(['alive_after_end'])
    expect(kinds(later, aLook())).toEqual([])
    expect(kinds(anEnding({ outcome: 'refused' }), aLook())).toEqual([])
  })

  it('may be refused, and what hangs on something else may live', () => {
    expect(kinds(anEnding(), aLook({ outcome: 'refused' }))).toEqual([])
    expect(kinds(anEnding({ subject: 'family-2' }), aLook())).toEqual([])
  })

  it('and can still be used is a violation', () => {
    const use = aUse({ artefact: 'family-1/a', subjects: ['family-1', 'session-1'], startMs: 5000, endMs: 5010 })
    expect(kinds(anEnding(), use)).toEqual(['alive_after_end'])
    expect(kinds(anEnding({ subject: 'session-1' }), use)).toEqual(['alive_after_end'])
  })

  it('and is accepted by a verifier is a violation once its feed was current after the ending', () => {
    const accepted = aLook({ at: 'verifier', node: 2 })
    expect(kinds(anEnding(), current(2, 3000), accepted)).toEqual(['alive_after_end'])
    expect(kinds(anEnding(), current(2, 1500), current(1, 3000), accepted)).toEqual([])
  })

  it('and is accepted by a verifier that was silent for too long is a violation too', () => {
    const accepted = aLook({ at: 'verifier', node: 2, startMs: 17_051, endMs: 17_052 })
    expect(kinds(anEnding(), accepted)).toEqual(['alive_after_end'])
  })
})

describe('what was given out', () => {
  it('and is refused although nothing touched it is lost', () => {
    expect(kinds(aUse({ isExpected: true, outcome: 'refused' }))).toEqual(['lost'])
  })

  it('is not lost when an ending was asked for, acknowledged or not', () => {
    const refused = aUse({ isExpected: true, outcome: 'refused', startMs: 2000, endMs: 2010 })
    const asked = anEnding({ subject: 'session-1', outcome: 'refused' })
    expect(kinds(asked, refused)).toEqual([])
    expect(kinds(anEnding({ subject: 'session-2' }), refused)).toEqual(['lost'])
  })

  it('is not lost when another use of it succeeded, or may have', () => {
    const refused = aUse({ isExpected: true, outcome: 'refused', startMs: 10_500, endMs: 10_510 })
    expect(kinds(aUse(), refused)).toEqual([])
    const unanswered = aUse({ outcome: 'error', startMs: 10_100, endMs: 10_200 })
    expect(kinds(aFault(), unanswered, refused)).toEqual([])
  })

  it('may be refused by a node that is unwell while others serve, and by no other', () => {
    const fault = aFault({ primaryMs: [12_000, 18_000, 12_000] })
    const refused = aUse({ isExpected: true, outcome: 'refused', startMs: 17_000, endMs: 17_010 })
    expect(kinds(fault, { ...refused, node: 1 })).toEqual([])
    expect(kinds(fault, { ...refused, node: 2 })).toEqual(['lost'])
    expect(kinds(fault, { ...refused, node: 1, startMs: 18_500, endMs: 18_510 })).toEqual(['lost'])
  })

  it('may have been ended by a node that took a repeated refresh for reuse, because its clock was wrong', () => {
    const fault = aFault({ primaryMs: [10_000, 18_000, 10_000] })
    const family = { subjects: ['family-1', 'session-1'], outcome: 'refused' } as const
    const second = aUse({ ...family, artefact: 'family-1/a', node: 1, startMs: 11_000, endMs: 12_000 })
    const later = aUse({ ...family, artefact: 'family-1/b', isExpected: true, startMs: 15_000, endMs: 15_010 })
    expect(kinds(fault, second, later)).toEqual([])
    expect(kinds(fault, { ...second, node: 2 }, later)).toEqual(['lost'])
  })

  it('and does not verify is a violation; one that has ended or expired is none', () => {
    const look = aLook({ at: 'verifier', outcome: 'refused' })
    expect(kinds({ ...look, reason: 'token_invalid' })).toEqual(['unverifiable'])
    const whileWrong = { ...look, reason: 'token_invalid', issued: { node: 1, startMs: 9990, endMs: 10_020 } }
    expect(kinds(aFault({ primaryMs: [10_000, 15_000, 10_000] }), whileWrong)).toEqual([])
    expect(kinds(aFault(), whileWrong)).toEqual(['unverifiable'])
    expect(kinds({ ...look, reason: 'token_revoked' }, { ...look, reason: 'token_expired' })).toEqual([])
  })
})

describe('an error', () => {
  it('without a fault is a violation', () => {
    expect(kinds(aRequest({ outcome: 'error' }))).toEqual(['error_too_late'])
  })

  it('may begin until the limit after the node has its primary, and end later', () => {
    const during = aRequest({ outcome: 'error', startMs: 16_999, endMs: 25_000 })
    expect(kinds(aFault(), during)).toEqual([])
    expect(kinds(aFault(), { ...during, startMs: 17_001 })).toEqual(['error_too_late'])
  })

  it('of a request that was under way when the fault came belongs to the fault', () => {
    expect(kinds(aFault(), aRequest({ outcome: 'error', startMs: 9900, endMs: 10_500 }))).toEqual([])
  })

  it('is judged by the node that was asked', () => {
    const fault = aFault({ primaryMs: [12_000, 30_000, 12_000] })
    const late = aRequest({ outcome: 'error', startMs: 20_000, endMs: 20_010 })
    expect(kinds(fault, { ...late, node: 1 })).toEqual([])
    expect(kinds(fault, { ...late, node: 2 })).toEqual(['error_too_late'])
  })
})

describe('without its store', () => {
  const outage = { kind: 'outage', graceMs: 6000, fromMs: 10_000, untilMs: 20_000 } as const

  it('a node that serves for longer than it may breaks its promise', () => {
    expect(kinds(outage, aRequest({ startMs: 16_001, endMs: 16_010 }))).toEqual(['served_in_outage'])
    expect(kinds(outage, aLook({ startMs: 16_001, endMs: 16_010 }))).toEqual(['served_in_outage'])
  })

  it('a node may serve for a while, and a verifier for longer', () => {
    expect(kinds(outage, aRequest({ startMs: 16_000, endMs: 16_010 }))).toEqual([])
    expect(kinds(outage, aRequest({ startMs: 19_990, endMs: 20_010 }))).toEqual([])
    expect(kinds(outage, aLook({ at: 'verifier', startMs: 16_001, endMs: 16_010 }))).toEqual([])
  })
})

describe('with a clock that it knows to be wrong', () => {
  const outage = { kind: 'outage', node: 1, graceMs: 500, fromMs: 10_000, untilMs: 20_000 } as const

  it('a node serves nothing but endings, and the others serve', () => {
    const served = aRequest({ startMs: 12_000, endMs: 12_010 })
    expect(kinds(outage, { ...served, node: 1 })).toEqual(['served_in_outage'])
    expect(kinds(outage, { ...served, node: 0 })).toEqual([])
    expect(kinds(outage, anEnding({ node: 1, startMs: 12_000, endMs: 12_010 }))).toEqual([])
  })
})

describe('an expectation', () => {
  it('that is not met is a violation', () => {
    const said = { kind: 'expectation', what: 'node 1 says what is wrong', isMet: true, atMs: 1 } as const
    expect(kinds(said)).toEqual([])
    expect(kinds({ ...said, isMet: false })).toEqual(['unmet'])
  })
})

describe('the figures of a round', () => {
  it('count what began during it, and how long errors went on after the primary was there', () => {
    const failed = aRequest({ outcome: 'error', startMs: 13_500, endMs: 13_600 })
    const ending = anEnding({ startMs: 15_000, endMs: 15_100 })
    const before = aRequest({ startMs: 9000, endMs: 9100 })

    const figures = figuresOf([before, failed, ending, aUse({ startMs: 14_000, endMs: 14_700 }), aFault()], aFault())

    expect(figures).toMatchObject({ requests: 3, errors: 1, endings: 1, singleUses: 1, slowestMs: 700 })
    expect(figures).toMatchObject({ withoutPrimaryMs: 2000, longestBurstMs: 1500 })
  })

  it('tell what a verifier accepted while its feed was cut off', () => {
    const accepted = aLook({ at: 'verifier', startMs: 14_000, endMs: 14_001 })
    const ended = anEnding({ startMs: 11_000, endMs: 11_010 })
    expect(figuresOf([ended, accepted, aFault()], aFault(), RULES).lateAtVerifier).toBe(1)
  })
})
