/** Puts values into a sentence of a language file, as that language writes them. */

import type { FaultValue } from '../faults/fault.ts'
import type { Language } from './language.ts'

type Tagged = Pick<Language, 'tag'>

/** `{name}` becomes the value of that name. A name without a value stays as it is. */
export function fill(text: string, values: Readonly<Record<string, FaultValue>>, language: Tagged): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name]
    if (value === undefined) return whole
    return typeof value === 'object' ? durationText(value.seconds, language) : String(value)
  })
}

/** The text around `{name}`, for a page that puts an element there. */
export function around(text: string, name: string): { readonly before: string; readonly after: string } {
  const [before = '', after = ''] = text.split(`{${name}}`)
  return { before, after }
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** `30 days`, `8 hours`, `1 minute`: in the largest unit that divides it, or whole minutes rounded up. */
function durationText(seconds: number, { tag }: Tagged): string {
  const [unit, size] = UNITS.find(([, one]) => seconds >= one && seconds % one === 0) ?? (['minute', 60] as const)
  return new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.ceil(seconds / size))
}
