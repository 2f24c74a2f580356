/** The sentence for a fault: in a reader's language on a page, in English for programs and for the operator. */

import type { Fault } from '../faults/fault.ts'
import { english } from './en/english.ts'
import { fill } from './fill.ts'
import type { FaultKey, Language } from './language.ts'

/** The text for the caller. It contains no detail. */
export function faultText({ code, reason, values }: Fault, language: Language = english): string {
  const key = reason === undefined ? code : `${code}.${reason}`
  return fill(language.faults[key as FaultKey], values, language)
}

/** The text for the operator: the sentence, and in brackets the detail that callers do not see. */
export function forOperator(fault: Fault): string {
  const { detail, problems } = fault
  const text = problems.length > 0 ? problems.join('\n') : faultText(fault)
  return detail === undefined ? text : `${text} (${detail})`
}
