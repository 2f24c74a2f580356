/**
 * `npm run checks`: which of the security checks of docs/security-checks.md the tests cover, and which faults they inject.
 *
 * A test covers a check by carrying its number in the title: `[S33]`, `[S1-12]`, `[S15, S16]`; a fault alike: `[F13]`.
 * Skipped and planned tests cover nothing. Ends with 1 when a check that is due has no test.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const CHECKS = 160
const FAULTS = 38

// What the features that exist owe. Add a check on the day its feature lands.
const DUE = '1-12 15 16 20-24 27-38 41-43 45-72 75-77 83-107 109 110 112 116-118 121 123-125 129-132 136-143 155 158'

export interface Coverage {
  readonly covered: readonly number[]
  readonly uncovered: readonly number[]
  /** Due and not covered. */
  readonly missing: readonly number[]
  /** Numbers in titles that are no check. */
  readonly unknown: readonly number[]
  /** The faults that tests inject. */
  readonly faults: readonly number[]
}

/** What the tests under `folder` cover. */
export function coverageOf(folder: string, due: readonly number[] = dueChecks()): Coverage {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.test.ts'))
  const texts = files.map((path) => readFileSync(join(folder, path), 'utf8'))
  const named = new Set(texts.flatMap((text) => checksIn(text)))
  const injected = new Set(texts.flatMap(faultsIn))
  const all = range(1, CHECKS)
  return {
    covered: all.filter((check) => named.has(check)),
    uncovered: all.filter((check) => !named.has(check)),
    missing: due.filter((check) => !named.has(check)),
    unknown: [...named].filter((check) => !all.includes(check)),
    faults: range(1, FAULTS).filter((fault) => injected.has(fault)),
  }
}

/** The numbers in the titles of a test file. */
export function checksIn(text: string): number[] {
  const marks = titlesIn(text).matchAll(/\[(S\d+(?:[-–]S?\d+)?(?:,\s*S\d+(?:[-–]S?\d+)?)*)\]/g)
  return [...marks].flatMap(([, mark = '']) => parseChecks(mark.replaceAll('S', '').replaceAll(',', ' ')))
}

/** The numbers of faults, in titles and in the tables that titles are made of. */
function faultsIn(text: string): number[] {
  return [...titlesIn(text).matchAll(/[['"]F(\d+)[\]'"]/g)].map(([, fault]) => Number(fault))
}

/** The lines of a test file that can hold the title of a test that runs. */
export function titlesIn(text: string): string {
  const lines = text.split('\n').filter((line) => !/^\s*(\/\/|\/?\*)/.test(line) && !/\.(skip|todo)\(/.test(line))
  return lines.join('\n')
}

/** The one-line names in docs/security-checks.md, by number. */
export function namesOf(page: string): Map<number, string> {
  return new Map([...page.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, check, name = '']) => [Number(check), name]))
}

export function dueChecks(): number[] {
  return parseChecks(DUE)
}

function parseChecks(text: string): number[] {
  return text.split(/\s+/).flatMap((part) => {
    const [first = '', last = first] = part.split(/[-–]/)
    return range(Number(first), Number(last))
  })
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at)
}

function report({ covered, uncovered, missing, unknown, faults }: Coverage, names: Map<number, string>): string {
  const list = (checks: readonly number[]) =>
    checks.map((check) => `  ${String(check).padStart(3)}  ${names.get(check) ?? '(no such check)'}`)
  return [
    `covered: ${covered.length} of ${CHECKS}`,
    `  ${covered.join(' ') || '(none)'}`,
    `not covered: ${uncovered.length}`,
    ...list(uncovered.filter((check) => !missing.includes(check))),
    `due and missing: ${missing.length}`,
    ...list(missing),
    `faults injected: ${faults.length} of ${FAULTS}`,
    `  ${faults.map((fault) => `F${fault}`).join(' ') || '(none)'}`,
    ...(unknown.length > 0 ? ['in titles, but no check:', ...list(unknown)] : []),
  ].join('\n')
}

function main(argv: readonly string[]): void {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const coverage = coverageOf(join(root, 'test'))
  const names = namesOf(readFileSync(join(root, 'docs/security-checks.md'), 'utf8'))
  console.log(argv.includes('--json') ? JSON.stringify(coverage) : report(coverage, names))
  if (coverage.missing.length > 0 || coverage.unknown.length > 0) process.exitCode = 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2))
