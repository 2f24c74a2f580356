/**
 * Names from other parties, made safe to show.
 *
 * A client's name comes from the party that registered it. Escaping stops HTML. This code stops the rest: letters that
 * change the reading direction, invisible letters, stacked accents that cover other lines, and length. The views wrap
 * the result in `<bdi>`, so a right-to-left name does not reorder the sentence around it.
 */

import type { Language } from '../../i18n/language.ts'

const LONGEST_NAME = 80
// More than any name needs; it bounds the work that the patterns below do on a name of megabytes.
const LONGEST_INPUT = 1000
// Control, format (bidirectional overrides), surrogate, private-use and unassigned characters, and whatever else shows
// nothing (zero-width, fillers, variation selectors). Some emoji come apart by it, and nothing invisible stays.
const INVISIBLE = /\p{C}|\p{Default_Ignorable_Code_Point}/gu
const PILED_MARKS = /(\p{M}{2})\p{M}+/gu

/** The name without what could deceive, at most 80 characters; the language's word for it when nothing is left. */
export function safeName(name: string, { pages: { names } }: Pick<Language, 'pages'>): string {
  const plain = name
    .slice(0, LONGEST_INPUT)
    .normalize('NFC')
    .replace(/[\s\p{Z}]+/gu, ' ')
    .replace(INVISIBLE, '')
    .replace(PILED_MARKS, '$1')
    .replace(/ {2,}/g, ' ')
    .trim()
  const characters = Array.from(plain)
  if (characters.length === 0) return names.unnamed
  return characters.length > LONGEST_NAME ? `${characters.slice(0, LONGEST_NAME - 1).join('')}…` : plain
}
