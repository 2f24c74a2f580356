/** YAML, as grantor.yaml and the values of commands are written and as commands print entries. */

import { CORE_SCHEMA, dump, loadAll, YAMLException } from 'js-yaml'

/** A text that is not YAML, or is more than one document. */
export class NotYaml extends SyntaxError {
  /** `undefined` where the text as a whole is wrong. Both count from 1. */
  readonly place: { readonly line: number; readonly column: number } | undefined

  /** `reason` quotes nothing of the text, since a secret may stand in it. */
  constructor(reason: string, place?: { readonly line: number; readonly column: number }) {
    super(reason)
    this.place = place
  }
}

// A mapping or list that aliases repeat may not make the value larger than this many times the text: each level of
// aliases multiplies what every later step has to walk through.
const EXPANSION = 10
const MOST_ALIASES = 1000

/** The value of a text in YAML 1.2 (core schema): `[a, b]`, `5m`, `true`. `undefined` for an empty one. Throws `NotYaml`. */
export function valueFrom(text: string): unknown {
  const documents = documentsIn(text)
  if (documents.length > 1) throw new NotYaml('more than one document')
  const [value] = documents
  const hasAnchors = text.includes('&')
  if (hasAnchors && !isWithin(value, EXPANSION * text.length)) throw new NotYaml('aliases that stand for too much')
  return value
}

/** The same text for the same value: mappings sorted by name, nothing folded. */
export function yamlText(value: unknown): string {
  return dump(value, { sortKeys: true, lineWidth: -1, noRefs: true, skipInvalid: true }).trimEnd()
}

function documentsIn(text: string): unknown[] {
  try {
    return loadAll(text, { schema: CORE_SCHEMA, maxAliases: MOST_ALIASES })
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const { reason, mark } = error
    throw new NotYaml(withoutQuotation(reason), mark && { line: mark.line + 1, column: mark.column + 1 })
  }
}

/** js-yaml quotes a tag as `!<tag>`, a name in quotation marks, and the rest after a colon. */
function withoutQuotation(reason: string): string {
  return reason.replace(/\s*(?:with )?(?:!<|"|: |\().*$/s, '')
}

/** Whether the value, with what its aliases stand for, has no more than `most` nodes. */
function isWithin(value: unknown, most: number): boolean {
  let nodes = 0
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    nodes += 1
    if (nodes > most) return false
    if (typeof next === 'object' && next !== null) for (const inner of Object.values(next)) open.push(inner)
  }
  return true
}
