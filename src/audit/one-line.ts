/** Keeps text of a request on its line, in a log, a terminal or a viewer. */

// Characters that JSON does not escape: DEL and the C1 controls (0x9b begins an ANSI sequence), the line separators at
// which some viewers break, and invisible characters (direction marks, joiners, tags, private use).
const UNSAFE = /[\u007f-\u009f\u2028\u2029\p{Cf}\p{Co}\p{Cn}]/gu

/** The same JSON text with each of these characters written as `\uXXXX`: equal for a parser, harmless in a viewer. */
export function oneLine(json: string): string {
  return json.replace(UNSAFE, (character) => character.split('').map(escaped).join(''))
}

/** A character beyond the first 65,536 has two units. */
function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
