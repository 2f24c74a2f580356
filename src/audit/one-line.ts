/** Keeps what strangers sent from breaking out of its line, in a log, a terminal or a viewer. */

// What JSON leaves as it is: DEL and the C1 controls (0x9b begins an ANSI sequence), the line separators that some
// viewers break at, and the marks that turn the direction of writing.
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** The same JSON text with every such character written as `\uXXXX`: equal for a parser, harmless for a reader. */
export function oneLine(json: string): string {
  return json.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
