/**
 * `npm run bench:verify [-- --json] [--seconds 0.6] [--rounds 3]`: verifications per second of processor time, beside
 * the libraries that an API might use instead, in one process and one run.
 *
 * All contenders take turns in every round, so that whatever drifts drifts under all. Processor time is that of all threads
 * of the process. Tokens are handed over as new texts each time, as a server finds them in its requests.
 */

import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { mint, type SigningKey, startIssuer } from '../../../test/resource/issuer.ts'
import { type Alg, BASELINE, type Contender, contendersFor, OURS } from './contenders.ts'
import { serveFeed } from './feed.ts'
import { median } from '../../kit/quantile.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '0.6' },
    rounds: { type: 'string', default: '3' },
  },
})
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)]

interface Row {
  readonly alg: Alg
  readonly sight: Contender['sight']
  readonly name: string
  readonly perCpuSecond: number
}

/** More than ours remembers in this bench, and than any of them could keep by chance. */
const TOKENS = 1000
/** As many requests are under way at once in a busy server; those that use other threads need it to show what they can. */
const AT_ONCE = 32

const at = await startIssuer()
const endFeed = serveFeed(at)
const keys: Record<Alg, SigningKey> = { RS256: at.rsa, ES256: at.ec, EdDSA: at.ed }
const rows: Row[] = []
for (const alg of ['RS256', 'ES256', 'EdDSA'] as const) rows.push(...(await measure(alg, keys[alg])))
endFeed()
await at.close()

if (values.json) console.log(JSON.stringify({ rows, ratios: ratiosOf(rows) }, undefined, 2))
else console.log(table(rows))

async function measure(alg: Alg, key: SigningKey): Promise<Row[]> {
  const iat = Math.floor(Date.now() / 1000)
  const tokens = Array.from({ length: TOKENS }, () => mint(at.issuer, key, { iat, exp: iat + 3600 }))
  const contenders = await contendersFor(alg, key, at)
  const results = new Map(contenders.map((one) => [one, [] as number[]]))
  for (const one of contenders) await drive(one, tokens, seconds / 3)
  for (let round = 0; round < rounds; round++) {
    for (const one of contenders) results.get(one)?.push(await drive(one, tokens, seconds))
  }
  for (const one of contenders) await one.close?.()
  return contenders.map((one) => ({
    alg,
    sight: one.sight,
    name: one.name,
    perCpuSecond: Math.round(median(results.get(one) ?? [])),
  }))
}

/** Verifications per second of processor time. */
async function drive({ verify, sight }: Contender, tokens: readonly string[], atLeastSeconds: number): Promise<number> {
  let [verified, cpuMicroseconds] = [0, 0]
  while (cpuMicroseconds < atLeastSeconds * 1e6) {
    const texts = tokens.map(anew)
    // A verifier that follows a feed has to receive it.
    await setImmediate()
    const before = process.cpuUsage()
    if (sight === 'again') for (const text of texts) await verify(text)
    else
      for (let from = 0; from < texts.length; from += AT_ONCE)
        await Promise.all(texts.slice(from, from + AT_ONCE).map(verify))
    const { user, system } = process.cpuUsage(before)
    cpuMicroseconds += user + system
    verified += texts.length
  }
  return verified / (cpuMicroseconds / 1e6)
}

/** The same text at another place in memory, whose hash is not calculated yet. */
function anew(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function ratiosOf(all: readonly Row[]) {
  const figure = (alg: Alg, name: string) =>
    all.find((row) => row.alg === alg && row.name === name && row.sight === 'first')?.perCpuSecond ?? Number.NaN
  return Object.fromEntries(
    (['RS256', 'ES256', 'EdDSA'] as const).map((alg) => [alg, figure(alg, OURS) / figure(alg, BASELINE)]),
  )
}

function table(all: readonly Row[]): string {
  const lines = all.map(({ alg, sight, name, perCpuSecond }) =>
    [alg.padEnd(6), sight.padEnd(6), name.padEnd(32), perCpuSecond.toLocaleString('en').padStart(10)].join('  '),
  )
  const ratios = Object.entries(ratiosOf(all)).map(([alg, ratio]) => `${alg} ${ratio.toFixed(2)}`)
  return [
    `${'alg'.padEnd(6)}  ${'sight'.padEnd(6)}  ${'by'.padEnd(32)}  ${'/CPU-s'.padStart(10)}`,
    ...lines,
    `first sight, ${OURS} over ${BASELINE}: ${ratios.join(', ')}`,
  ].join('\n')
}
