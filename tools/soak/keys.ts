/**
 * `npm run soak:keys`: signing keys rotate without a pause, without a failed request.
 *
 * Three servers on one Redis, clients that take and refresh tokens all the time, and five kinds of verifier that check
 * every token twice. One good token refused, or one request failed, and the soak fails.
 */

import { writeFile } from 'node:fs/promises'

import { startClients } from './clients.ts'
import { startSoakServers, startTooHurried } from './soak-servers.ts'
import { type FasterClock, hurry } from './faster-clock.ts'
import { createJudge } from './judge.ts'
import { readOptions, type SoakOptions, USAGE } from './options.ts'
import { asJson, complaints, progress, table } from './report.ts'
import { createTally, rotationsOf, type Tally } from './tally.ts'
import { createKinds } from './verifiers.ts'

const LOOK_AGAIN_MS = 250
const SAY_EVERY_MS = 5000

async function soak(options: SoakOptions): Promise<string[]> {
  await showThatHurryIsRefused()
  const clock: FasterClock = { speed: options.speed, since: Date.now() }
  hurry(clock)
  const servers = await startSoakServers(clock, options.tokenLifeSeconds)
  const kinds = await createKinds(servers.issuer, options.keepFactor)
  const tally = createTally(kinds.map(({ name }) => name))
  const judge = createJudge({ kinds, tally, speed: options.speed })
  const startedAt = performance.now()
  const seconds = () => (performance.now() - startedAt) / 1000
  try {
    const stopClients = startClients({ issuer: servers.issuer, judge, tally })
    await untilEnough(tally, options, seconds)
    await stopClients()
    console.log(`${progress(tally, seconds())}; no more tokens, and those that are out are watched until they expire`)
    await judge.settled()
  } finally {
    for (const kind of kinds) await kind.close?.()
    await servers.close()
  }
  console.log(`\n${table(tally)}\n`)
  if (options.jsonFile !== undefined) await writeFile(options.jsonFile, asJson(tally, options, seconds()))
  for (const failure of tally.failures) console.error(failure)
  return complaints(tally, options)
}

/** A schedule by which a key would sign before every cache must know it does not even start. */
async function showThatHurryIsRefused(): Promise<void> {
  const said = await startTooHurried()
  const sentence = said.split('\n').find((line) => line.includes('keys.rotation'))
  if (!said.includes('exited with 1') || sentence === undefined) throw new Error(`refused in other words:\n${said}`)
  console.log(`a rotation shorter than the overlap is refused: ${sentence}`)
}

async function untilEnough(tally: Tally, options: SoakOptions, seconds: () => number): Promise<void> {
  let saidAt = 0
  while (rotationsOf(tally) < options.rotations && seconds() < options.limitSeconds) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    if (performance.now() - saidAt < SAY_EVERY_MS) continue
    saidAt = performance.now()
    console.log(progress(tally, seconds()))
  }
}

// When the soak is ended, its servers end too: they are stopped when this process exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) console.log(USAGE)
  else {
    const found = await soak(options)
    console.log(found.length === 0 ? 'held: 0 good tokens refused, 0 requests failed' : `FAILED: ${found.join('; ')}`)
    process.exitCode = found.length === 0 ? 0 : 1
  }
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error)
  process.exitCode = 1
}
