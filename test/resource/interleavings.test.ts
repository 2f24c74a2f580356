/**
 * The promise of the feed, against chance: after an acknowledged revocation and a moment, no verifier takes a token that
 * it covers, in whatever order people refresh and revoke, keys change, networks break and nodes restart.
 *
 * A few hundred orders with every run. `INTERLEAVINGS=10000 npx vitest run test/resource/interleavings.test.ts` tries
 * more, and `SEED=…` repeats those of a failure.
 */

import { randomInt } from 'node:crypto'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { startFixture } from './interleavings-fixture.ts'
import { createWorker, type Program, type Tally } from './interleavings-worker.ts'

const RUNS = Number(process.env.INTERLEAVINGS ?? 200)
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31))
/** Programs run side by side, because most of each is waiting for the other node and for the network. */
const WORKERS = 40
const HOURS_MS = 3_600_000

const verifier = fc.nat(1)
const step = fc.oneof(
  { weight: 300, arbitrary: fc.constant({ does: 'refresh' } as const) },
  { weight: 120, arbitrary: fc.record({ does: fc.constant('revoke token' as const), which: fc.nat(5) }) },
  { weight: 60, arbitrary: fc.constant({ does: 'revoke family' } as const) },
  { weight: 60, arbitrary: fc.constant({ does: 'revoke beside refresh' } as const) },
  { weight: 60, arbitrary: fc.constant({ does: 'use refresh token again' } as const) },
  { weight: 15, arbitrary: fc.constant({ does: 'sign out' } as const) },
  { weight: 100, arbitrary: fc.record({ does: fc.constant('cut' as const), verifier }) },
  { weight: 100, arbitrary: fc.record({ does: fc.constant('mend' as const), verifier }) },
  { weight: 120, arbitrary: fc.record({ does: fc.constant('wait in silence' as const), verifier }) },
  { weight: 120, arbitrary: fc.constant({ does: 'look' } as const) },
  { weight: 4, arbitrary: fc.constant({ does: 'rotate keys' } as const) },
  { weight: 1, arbitrary: fc.constant({ does: 'compromise the key' } as const) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('restart a node' as const), node: fc.nat(1) }) },
)
const program: fc.Arbitrary<Program> = fc.record({
  offline: fc.boolean(),
  steps: fc.array(step, { minLength: 4, maxLength: 14, size: 'max' }),
})

describe('revocations in any order', () => {
  it(`reach every verifier, in ${RUNS} interleavings of seed ${SEED}`, { timeout: HOURS_MS }, async () => {
    const programs = fc.sample(program, { numRuns: RUNS, seed: SEED })
    const fixture = await startFixture()
    const tally: Tally = { accepted: 0, refused: 0, silent: 0, steps: 0 }
    const failures: string[] = []
    let next = 0

    async function work(): Promise<void> {
      const worker = await createWorker(fixture, tally)
      for (let at = next++; at < programs.length && failures.length === 0; at = next++) {
        try {
          await worker.run(programs[at] as Program)
        } catch (error) {
          failures.push(`SEED=${SEED}, program ${at}: ${JSON.stringify(programs[at])}\n${(error as Error).stack}`)
        }
      }
      await worker.close()
    }
    await Promise.all(Array.from({ length: Math.min(WORKERS, RUNS) }, work))
    await fixture.close()

    expect(failures).toEqual([])
    console.info(`seed ${SEED}: ${JSON.stringify(tally)}, ${fixture.disturbances} disturbances`)
    // That nothing was revoked, or nothing taken, would prove as little.
    expect(Math.min(tally.accepted, tally.refused, tally.silent)).toBeGreaterThan(RUNS / 20)
  })
})
