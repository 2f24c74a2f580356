/** YAML for commands: values as they are typed, and entries as grantor.yaml has them. */

import { parse, stringify } from 'yaml'

/** A value that was typed as YAML: `[a, b]`, `5m`, `true`. Throws `SyntaxError`. */
export function valueFrom(text: string): unknown {
  try {
    return parse(text)
  } catch {
    throw new SyntaxError('not YAML')
  }
}

/** The same text for the same value: mappings sorted by name, nothing folded. */
export function yamlText(value: unknown): string {
  return stringify(value, { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false }).trimEnd()
}
