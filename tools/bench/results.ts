/** What a run of the bench found, and how that stands to what was promised. */

import type { FindFigures } from './find.ts'
import type { RowFigures } from './measure.ts'
import { type Memory, REST_SECONDS } from './memory.ts'
import type { StoreName } from './options.ts'
import type { Row } from './rows.ts'
import type { StartUp } from './startup.ts'

/** Of one store and its reference. */
export interface StoreResults {
  readonly store: StoreName
  readonly rows: readonly RowResult[]
  readonly startUp?: StartUp
  readonly memory?: { readonly grantor: Memory; readonly reference: Memory }
  readonly find?: readonly FindFigures[]
}

export interface RowResult extends RowFigures {
  readonly row: string
  readonly title: string
  /** The lowest ratio that keeps the promise. */
  readonly target: number
}

export interface Verdict {
  readonly held: boolean
  readonly sentence: string
}

const STORELESS_TARGET = 0.85
const STORE_TARGETS = { embedded: 0.7, redis: 1, sentinel: 1, 'sentinel-unconfirmed': 1 } as const
const GOAL = 1

const LONGEST_START_MS = 1000
const MOST_RESIDENT_BYTES = 150e6
// What still counts as flat: a deeper tree and a colder cache, but no scan.
const FLAT = 2

export function targetOf(row: Row, store: StoreName): number {
  return row.needsStore ? STORE_TARGETS[store] : STORELESS_TARGET
}

export function judge(results: StoreResults): Verdict[] {
  return [...judgeRows(results), ...judgeStart(results), ...judgeMemory(results), ...judgeFind(results)]
}

function judgeRows({ store, rows }: StoreResults): Verdict[] {
  const targets = [...new Set(rows.map(({ target }) => target))]
  const promises = targets.map((target) => {
    const under = rows.filter((row) => row.target === target)
    const what = target === STORELESS_TARGET ? 'without a store' : `with ${NAMES[store]}`
    return judgeRatio(`${under.length} rows ${what}`, under, target)
  })
  return [...promises, judgeRatio(`goal for all rows of ${NAMES[store]}`, rows, GOAL)]
}

const NAMES: Record<StoreName, string> = {
  embedded: 'the embedded store',
  redis: 'Redis',
  sentinel: 'Sentinel',
  'sentinel-unconfirmed': 'Sentinel without confirmation',
}

function judgeRatio(what: string, rows: readonly RowResult[], target: number): Verdict {
  const missed = rows.filter(({ ratio }) => ratio < target).map(({ row, ratio }) => `${row} ${ratio.toFixed(2)}`)
  const found = missed.length === 0 ? `all of ${rows.length} hold` : `missed by ${missed.join(', ')}`
  return { held: missed.length === 0, sentence: `${what}: at least ${target} of the reference: ${found}` }
}

function judgeStart({ store, startUp }: StoreResults): Verdict[] {
  if (startUp === undefined) return []
  const slowest = Math.max(startUp.firstMs, startUp.againMs)
  const found = `${startUp.firstMs.toFixed(0)} ms the first time, ${startUp.againMs.toFixed(0)} ms again`
  return [{ held: slowest < LONGEST_START_MS, sentence: `${NAMES[store]}: ready in under 1 s: ${found}` }]
}

function judgeMemory({ store, memory }: StoreResults): Verdict[] {
  if (memory === undefined) return []
  const { tokens, afterBytes, restedBytes } = memory.grantor
  const [atOnce, rested] = [afterBytes, restedBytes].map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`)
  const sentence =
    `${NAMES[store]}: under 150 MB resident after ${tokens} tokens and ${REST_SECONDS} s of rest: ${rested} ` +
    `(${atOnce} at once)`
  return [{ held: restedBytes < MOST_RESIDENT_BYTES, sentence }]
}

function judgeFind({ store, find }: StoreResults): Verdict[] {
  const last = find?.at(-1)
  if (last === undefined || find?.length === 1) return []
  const factor = last.p50Us / last.fewP50Us
  const found = `${last.p50Us.toFixed(0)} µs among ${last.stored}, ${last.fewP50Us.toFixed(0)} µs among a few in turn`
  return [{ held: factor < FLAT, sentence: `${NAMES[store]}: find() is flat: median ${found}` }]
}
