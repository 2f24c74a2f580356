/**
 * The sentence for a refused setting: its name, the given value, the accepted values.
 *
 * The given value is shown only where it cannot be a secret: never under a name listed here, and never a URL with its
 * password.
 */

import { z } from 'zod'

const SECRET_NAMES: ReadonlySet<string> = new Set([
  'client_secret',
  'client_secret_sha256',
  'secret',
  'jwks',
  'bearer_token',
])
const SHOWN_CHARACTERS = 80

/** Where something stands in the file: `['clients', 0, 'redirect_uris']`. */
export type Path = readonly (string | number)[]

/** Something declared, and where it stands. */
export interface Placed<Entry> {
  readonly path: Path
  readonly entry: Entry
}

/** A mapping of exactly these settings; the sentence about an unknown one lists them. */
export function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? known : `a mapping of ${known}`),
  })
}

/** `clients[0].redirect_uris[1]` */
export function pathText(path: Path): string {
  if (path.length === 0) return 'The file'
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    const name = /^[\w-]+$/.test(step) ? step : `"${step}"`
    return text === '' ? name : `${text}.${name}`
  }, '')
}

/** The sentence for a wrong value. `wants` completes "it wants …". */
export function wrong(path: Path, got: unknown, wants: string): string {
  const name = pathText(path)
  if (got === undefined || got === null) return `${name} is missing; it wants ${wants}.`
  if (path.some((step) => SECRET_NAMES.has(String(step))))
    return `${name} is refused (its value is not shown); it wants ${wants}.`
  return `${name} is ${shown(got)}; it wants ${wants}.`
}

/** The sentences for what zod refused. Each schema's own message says what it wants. */
export function zodProblems(base: Path, root: unknown, error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => {
    const below = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
    const path = [...base, ...below]
    if (issue.code !== 'unrecognized_keys') return [wrong(path, valueAt(root, below), issue.message)]
    const known = issue.message.split(', ')
    return issue.keys.map((key) => `${pathText([...path, key])} is not a setting; ${hint(key, known)}.`)
  })
}

/** A value as a person may read it back: short, without the password of a URL. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) return 'a mapping'
  const text = String(value).replace(/:\/\/[^/@\s]*@/g, '://(hidden)@')
  const short = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
  return typeof value === 'string' ? JSON.stringify(short) : short
}

/** The sentences for names that occur more than once in `all`; `placed` are those of the file, with their places. */
export function repeated(
  placed: readonly { readonly path: Path; readonly name: string }[],
  all: readonly string[],
): string[] {
  const [once, again] = [new Set<string>(), new Set<string>()]
  for (const name of all) (once.has(name) ? again : once).add(name)
  return placed
    .filter(({ name }) => again.has(name))
    .map(
      ({ path, name }) =>
        `${pathText(path)} is ${shown(name)}, which is declared twice (the demo seed counts); rename one.`,
    )
}

const SHOWN_NAMES = 20

/** The end of a sentence about an unknown name: the name that was probably meant, or the known names. */
export function hint(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  if (near !== undefined) return `it looks like ${near}`
  const more = known.length > SHOWN_NAMES ? ` and ${known.length - SHOWN_NAMES} more` : ''
  return `there is ${known.slice(0, SHOWN_NAMES).join(', ') || 'none'}${more}`
}

/** The known name that is a slip of the finger away: one or two edits, or only underscores and case differ. */
export function nearest(name: string, known: readonly string[], edits = 2): string | undefined {
  const plain = (text: string) => text.replaceAll(/[_-]/g, '').toLowerCase()
  return known
    .filter((candidate) => plain(candidate) === plain(name) || editDistance(name, candidate) <= edits)
    .sort((a, b) => editDistance(name, a) - editDistance(name, b))[0]
}

/** Insertions, deletions, replacements and swaps of neighbours between two short names. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = Array.from({ length: a.length + 1 }, (_, i) => [i])
  const cell = (i: number, j: number) => rows[i]?.[j] ?? Math.max(i, j)
  for (let i = 0; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      if (i === 0) {
        rows[0]?.push(j)
        continue
      }
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const edited = Math.min(
        cell(i - 1, j) + 1,
        cell(i, j - 1) + 1,
        cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
      )
      rows[i]?.push(swapped ? Math.min(edited, cell(i - 2, j - 2) + 1) : edited)
    }
  }
  return cell(a.length, b.length)
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], root)
}
