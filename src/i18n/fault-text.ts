/** The sentence for a fault: in a reader's language on a page, in English for programs and for the operator. */

import type { Fault } from '../faults/fault.ts'
import { english } from './en/english.ts'
import { fill } from './fill.ts'
import type { FaultKey, Language } from './language.ts'

/** What the caller is told. It holds no detail. */
export function faultText({ code, reason, values }: Fault, language: Language = english): string {
  const key = reason === undefined ? code : `${code}.${reason}`
  return fill(language.faults[key as FaultKey], values, language)
}

/** What the operator reads: the sentence, and in brackets the detail that callers are not told. */
export function forOperator(fault: Fault): string {
  const { detail, problems } = fault
  const text = problems.length > 0 ? problems.join('\n') : faultText(fault)
  return detail === undefined ? text : `${text} (${detail})`
}
