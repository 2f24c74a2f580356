/** What the bench is asked to do, from its command line. */

import { parseArgs } from 'node:util'

import type { Rounds } from './measure.ts'
import { ROWS, type Row } from './rows.ts'

const STORES = ['embedded', 'redis'] as const
/** What durability costs: the same, once with every replica confirming what decides and once with none. */
const SENTINEL_STORES = ['sentinel', 'sentinel-unconfirmed'] as const
const ALL_STORES = [...STORES, ...SENTINEL_STORES]

export type StoreName = (typeof ALL_STORES)[number]

export interface BenchOptions {
  readonly stores: readonly StoreName[]
  readonly rows: readonly Row[]
  readonly rounds: Rounds
  /** Start-up, memory and `find`; left out when rows were picked. */
  readonly beyondRows: boolean
  readonly tokensForMemory: number
  /** How many refresh tokens are stored at each step. */
  readonly findSizes: readonly number[]
  readonly jsonFile: string | undefined
  readonly profileDir: string | undefined
}

export const USAGE = `npm run bench -- [options]

Grantor beside the bare engine, on this machine, in one run. The default takes about nine minutes.

  --quick            shorter rounds, fewer tokens: under 90 seconds, and rougher
  --full             also times find() among 1,000,000 stored refresh tokens, and measures the rows of
                     ${SENTINEL_STORES.join(' and ')}
  --seconds N        how long each row is measured at each server (default 1.8)
  --only row,row     only these rows, and nothing beyond them:
                     ${ROWS.map(({ name }) => name).join(' ')}
  --store NAME       one of ${ALL_STORES.join(', ')}; unless set: ${STORES.join(' and ')}
  --json FILE        writes every figure as JSON
  --profile DIR      writes a CPU profile of each server into DIR
  --help             this
`

// Short and many: what disturbs the machine for a moment disturbs one pair, and the median does not hear of it.
const ROUNDS = 9
const QUICK_ROUNDS = 3
// Until what runs often is compiled. After half a second neither server had come to rest, and Grantor, which is more code,
// was further from it: opaque userinfo stood at 0.41 of the reference, and at 0.56 after some seconds.
const WARM_UP_SECONDS = 2.5

/** Measured in its rows alone: start-up, memory and `find` are those of the store on one Redis. */
export function isSentinel(store: StoreName): boolean {
  return SENTINEL_STORES.some((name) => name === store)
}

/** `undefined` when help was asked for. Throws with a sentence when the arguments are wrong. */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      only: { type: 'string' },
      store: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'string' },
    },
  })
  if (values.help) return undefined
  const rounds = values.quick ? QUICK_ROUNDS : ROUNDS
  const seconds = readSeconds(values.seconds ?? (values.quick ? '0.6' : '1.8'))
  return {
    stores: readStores(values.store, values.full),
    rows: readRows(values.only),
    rounds: { rounds, seconds: seconds / rounds, warmUpSeconds: values.quick ? 0.5 : WARM_UP_SECONDS },
    beyondRows: values.only === undefined,
    tokensForMemory: values.quick ? 20_000 : 100_000,
    findSizes: [1000, 10_000, ...(values.quick ? [] : [100_000]), ...(values.full ? [1_000_000] : [])],
    jsonFile: values.json,
    profileDir: values.profile,
  }
}

function readSeconds(text: string): number {
  const seconds = Number(text)
  if (!(seconds > 0)) throw new TypeError(`--seconds is ${text}; it wants a number above 0`)
  return seconds
}

function readStores(text: string | undefined, isFull: boolean): readonly StoreName[] {
  if (text === undefined) return isFull ? ALL_STORES : STORES
  const store = ALL_STORES.find((name) => name === text)
  if (store === undefined) throw new TypeError(`--store is ${text}; it wants one of ${ALL_STORES.join(', ')}`)
  return [store]
}

function readRows(text: string | undefined): readonly Row[] {
  if (text === undefined) return ROWS
  return text.split(',').map((name) => {
    const row = ROWS.find((one) => one.name === name)
    if (row === undefined) throw new TypeError(`no row is called ${name}; see --help`)
    return row
  })
}
