/** Figures that the files of a tree show by themselves: how full folders are, how long files and functions, which words. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { parseSync, Visitor } from 'oxc-parser'

export interface Shape {
  readonly fullestFolder: Counted
  readonly longestFile: Counted
  readonly longestFunction: Counted
  /** whoever, nobody, somebody in src/ and docs/. */
  readonly vagueWords: number
  readonly sleeps: number
  readonly timingAssertions: number
}

export interface Counted {
  readonly name: string
  readonly count: number
}

const VAGUE = /\b(?:whoever|nobody|somebody)\b/gi

export function shapeOf(root: string): Shape {
  const sources = filesIn(root, 'src', '.ts')
  const words = [...sources, ...filesIn(root, 'docs', '.md')]
  const tests = filesIn(root, 'test', '.ts').filter(({ path }) => !path.startsWith('test/house/'))
  return {
    fullestFolder: most(countBy(sources.map(({ path }) => dirname(path)))),
    longestFile: most(new Map(sources.map(({ path, text }) => [path, text.split('\n').length - 1]))),
    longestFunction: most(new Map(sources.flatMap(functionsOf))),
    vagueWords: words.reduce((all, { text }) => all + [...text.matchAll(VAGUE)].length, 0),
    ...sum(tests.map(waitsIn)),
  }
}

interface TextFile {
  /** Below the root. */
  readonly path: string
  readonly text: string
}

function filesIn(root: string, folder: string, ending: string): TextFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => ({ path: join(folder, path), text: readFileSync(join(root, folder, path), 'utf8') }))
}

/** Lines of each function, with where it begins. A function that makes others is as long as it stands there. */
function functionsOf({ path, text }: TextFile): [string, number][] {
  const found: [string, number][] = []
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length
  const count = ({ start, end }: { start: number; end: number }) => {
    const from = lineAt(start)
    found.push([`${path}:${from}`, lineAt(end) - from + 1])
  }
  new Visitor({ FunctionDeclaration: count, FunctionExpression: count, ArrowFunctionExpression: count }).visit(
    parseSync(path, text).program,
  )
  return found
}

interface Waits {
  readonly sleeps: number
  readonly timingAssertions: number
}

const SLEEPERS = /^(?:sleep|delay|pause|later)$/
const TIMED = /^(?:elapsed\w*|took\w*|\w*Ms|\w*Seconds|duration\w*)$/
const BOUNDS = ['toBeLessThan', 'toBeLessThanOrEqual']

/**
 * Sleeps: `new Promise((resolve) => setTimeout(resolve, …))`, and calls of `sleep`, `delay`, `pause` and `later`. Timing
 * assertions: an upper bound on something that is named for a time, or on a difference of clocks.
 */
export function waitsIn({ path, text }: TextFile): Waits {
  let [sleeps, timingAssertions] = [0, 0]
  const { program } = parseSync(path, text)
  new Visitor({
    CallExpression({ callee, arguments: [first] }) {
      if (callee.type === 'Identifier' && SLEEPERS.test(callee.name)) sleeps++
      if (callee.type === 'Identifier' && callee.name === 'setTimeout' && first?.type === 'Identifier') {
        if (/^(?:resolve|done)$/.test(first.name)) sleeps++
      }
      if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return
      if (!BOUNDS.includes(callee.property.name) || callee.object.type !== 'CallExpression') return
      const [judged] = callee.object.arguments
      if (judged !== undefined && isTime(text.slice(judged.start, judged.end))) timingAssertions++
    },
  }).visit(program)
  return { sleeps, timingAssertions }
}

function isTime(judged: string): boolean {
  return TIMED.test(judged) || /\b(?:performance|Date)\.now\(\)|hrtime|memoryUsage/.test(judged)
}

function sum(waits: readonly Waits[]): Waits {
  return waits.reduce(
    (all, one) => ({
      sleeps: all.sleeps + one.sleeps,
      timingAssertions: all.timingAssertions + one.timingAssertions,
    }),
    { sleeps: 0, timingAssertions: 0 },
  )
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

function most(counts: ReadonlyMap<string, number>): Counted {
  const [[name, count] = ['', 0]] = [...counts].toSorted(([, a], [, b]) => b - a)
  return { name, count }
}
