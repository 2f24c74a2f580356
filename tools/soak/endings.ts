/**
 * `npm run soak:endings`: a million endings asked for by one person, and a million by one client.
 *
 * The revocation log has to stay small, a node that starts has to be ready in seconds, and a verifier that follows the feed
 * has to serve throughout. Takes some minutes on the embedded store.
 */

import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import type { App } from '../../src/app.ts'
import { startApp } from '../../src/app.ts'
import { createLog } from '../../src/audit/log.ts'
import { newGrantId } from '../../src/engine/adapter/handles.ts'
import { keys, logs } from '../../src/store/keys.ts'
import { type Running, start } from '../../test/support/start.ts'
import type { VerifierReport } from './endings-verifier.ts'

const USAGE = `npm run soak:endings -- [options]

  --endings N    how many endings by each of the two (default 1000000)
  --redis URL    on this Redis instead of an embedded store
  --help         this
`
const LIMITS = { entries: 20_000, startMs: 3000, verifierBytes: 20e6 }
const AT_ONCE = 64
const SAY_EVERY = 100_000
const ACCOUNT = 'usr_soak'
const CLIENT = 'demo-machine'

async function soak(endings: number, redisUrl: string | undefined): Promise<string[]> {
  const app = await start(redisUrl === undefined ? {} : { redisUrl })
  const node = app.nodes[0] as App
  const verifier = fork(fileURLToPath(new URL('endings-verifier.ts', import.meta.url)), [app.issuer], {
    execArgv: ['--expose-gc'],
  })
  try {
    const [before] = (await once(verifier, 'message')) as [VerifierReport]
    const expiresAt = Math.floor(Date.now() / 1000) + 600
    await repeat('a client', endings, (at) =>
      node.revocation.endToken({ jti: `soak-${at}`, expiresAt, sub: 'another-client' }, 'access_token_revoked'),
    )
    await repeat('a person', endings, async () => {
      const grantId = newGrantId(randomUUID())
      const grant = JSON.stringify({ accountId: ACCOUNT, clientId: CLIENT, iat: 1 })
      await node.store.put(keys.grant(grantId), grant, { ttlSeconds: 600 })
      await node.store.link(keys.accountGrants(ACCOUNT), grantId, 600)
      await node.revocation.endGrant(grantId, 'refresh_token_revoked')
    })
    verifier.send('report')
    const [after] = (await once(verifier, 'message')) as [VerifierReport]
    return judge({
      entries: await entriesOf(node),
      startMs: await startAnother(app),
      verifierBytes: after.heapBytes - before.heapBytes,
      verifications: after.accepted,
      refused: after.refused,
    })
  } finally {
    verifier.kill()
    await app.close()
  }
}

async function repeat(who: string, times: number, end: (at: number) => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  for (let done = 0; done < times; done += AT_ONCE) {
    await setImmediate() // As requests would: the node has others to answer.
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, times - done) }, (_, at) => end(done + at)))
    if (done % SAY_EVERY < AT_ONCE) console.log(`${who}: ${done} endings after ${seconds(startedAt)} s`)
  }
  console.log(`${who}: ${times} endings in ${seconds(startedAt)} s`)
}

async function entriesOf({ store }: App): Promise<number> {
  let count = 0
  for (let cursor: string | undefined; ; ) {
    const page = await store.read(logs.revocations, cursor, 1000)
    count += page.length
    cursor = page.at(-1)?.cursor
    if (page.length < 1000) return count
  }
}

async function startAnother({ config }: Running): Promise<number> {
  const startedAt = performance.now()
  const node = await startApp({ ...config, port: 0 }, { log: createLog({ level: 'silent' }) })
  const ms = performance.now() - startedAt
  await node.close()
  return ms
}

interface Figures {
  readonly entries: number
  readonly startMs: number
  readonly verifierBytes: number
  readonly verifications: number
  readonly refused: number
}

function judge({ entries, startMs, verifierBytes, verifications, refused }: Figures): string[] {
  console.log(`\nentries in the log          ${entries}`)
  console.log(`start of another node       ${startMs.toFixed(0)} ms`)
  console.log(`held by the verifier        ${(verifierBytes / 1e6).toFixed(1)} MB`)
  console.log(`good tokens it accepted     ${verifications}, and ${refused} it refused`)
  return [
    ...(entries < LIMITS.entries ? [] : [`the log has ${entries} entries`]),
    ...(startMs < LIMITS.startMs ? [] : [`a start took ${startMs.toFixed(0)} ms`]),
    ...(verifierBytes < LIMITS.verifierBytes ? [] : [`the verifier holds ${verifierBytes} bytes for it`]),
    ...(verifications > 0 && refused === 0 ? [] : [`the verifier refused ${refused} good tokens`]),
  ]
}

function seconds(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(0)
}

const { values } = parseArgs({
  options: {
    endings: { type: 'string', default: '1000000' },
    redis: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) console.log(USAGE)
else {
  const complaints = await soak(Number(values.endings), values.redis)
  for (const complaint of complaints) console.error(complaint)
  process.exitCode = complaints.length === 0 ? 0 : 1
}
