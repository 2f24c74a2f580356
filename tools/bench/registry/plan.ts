/**
 * `npm run bench:plan`: the commands `grantor apply`, `plan` and `export` on a file of 10,000 clients, as an operator runs
 * them: start of the process, YAML, rules and all.
 */

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from '../../kit/quantile.ts'

const GRANTOR = fileURLToPath(new URL('../../../bin/grantor.js', import.meta.url))
const CLIENTS = Number(process.argv[2] ?? 10_000)
const LONGEST_MS = 2000
const RUNS = 5
const NO_DIFFERENCE = '0 to add, 0 to change, 0 to remove\n'

interface Ran {
  readonly code: number
  readonly out: string
  readonly ms: number
  /** Of the processor, in all threads. */
  readonly cpuMs: number
}

const folder = await mkdtemp(join(tmpdir(), 'grantor-plan-'))
try {
  await writeFile(join(folder, 'grantor.yaml'), textOf(CLIENTS))
  expectEqual('apply', await grantor('apply', '--yes'), { code: 0, out: /version 2 is in force\n$/ })
  await measure('plan without a difference', ['plan'], { code: 0, out: NO_DIFFERENCE })

  const text = await readFile(join(folder, 'grantor.yaml'), 'utf8')
  const edited = text.replace('Client 777\n', 'Renamed\n').replace('app-4001.example/silent', 'app-4001.example/other')
  await writeFile(join(folder, 'edited.yaml'), edited)
  const lines = [
    '~ client client-00777',
    '    client_name: "Client 777" -> "Renamed"',
    '~ client client-04001',
    `    redirect_uris: ${JSON.stringify(uris('silent'))} -> ${JSON.stringify(uris('other'))}`,
    '0 to add, 2 to change, 0 to remove',
  ]
  await measure('plan of two edited clients', ['plan', 'edited.yaml'], { code: 2, out: `${lines.join('\n')}\n` })

  const { out } = await grantor('export')
  await writeFile(join(folder, 'exported.yaml'), out)
  await measure('plan of what export printed', ['plan', 'exported.yaml'], { code: 0, out: NO_DIFFERENCE })
  expectEqual('export once more', await grantor('export'), { code: 0, out })
} finally {
  await rm(folder, { recursive: true, force: true })
}

function uris(last: string): string[] {
  return [`https://app-4001.example/callback`, `https://app-4001.example/${last}`]
}

/** Every second client is an application of people, the others are machines. */
function textOf(clients: number): string {
  const api =
    'demo: false\napis:\n  - audience: https://orders.example\n    scopes: { "orders:read": See your orders }\nclients:\n'
  return api + Array.from({ length: clients }, (_, at) => clientText(at)).join('')
}

function clientText(at: number): string {
  const head = `  - client_id: client-${String(at).padStart(5, '0')}\n    client_name: Client ${at}\n`
  const apis = '    apis:\n      https://orders.example: [orders:read]\n'
  if (at % 2 === 0) {
    const hash = createHash('sha256').update(`secret ${at}`).digest('hex')
    return `${head}    client_secret_sha256: ${hash}\n    grant_types: [client_credentials]\n${apis}`
  }
  const addresses = ['callback', 'silent'].map((name) => `      - https://app-${at}.example/${name}\n`).join('')
  return `${head}    token_endpoint_auth_method: none\n    redirect_uris:\n${addresses}    scopes: [openid, profile]\n${apis}`
}

async function measure(what: string, args: readonly string[], expected: Expected): Promise<void> {
  const runs: Ran[] = []
  for (let run = 0; run < RUNS; run++) {
    runs.push(await grantor(...args))
    expectEqual(what, runs.at(-1), expected)
  }
  const ms = median(runs.map((run) => run.ms))
  const isKept = ms < LONGEST_MS
  if (!isKept) process.exitCode = 1
  const cpuMs = median(runs.map((run) => run.cpuMs))
  console.log(
    `${isKept ? 'kept  ' : 'MISSED'} ${what}: median ${ms.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of processor`,
  )
}

async function grantor(...args: readonly string[]): Promise<Ran> {
  const beganMs = performance.now()
  const env = { PATH: process.env.PATH, PORT: '3999', OPS_PORT: '0' }
  // The shell says on stderr how much processor time its children took.
  const command = ['-c', '"$@"; code=$?; times >&2; exit $code', 'sh', process.execPath, GRANTOR, ...args]
  const child = spawn('/bin/sh', command, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  const [code] = (await once(child, 'close')) as [number]
  const ms = performance.now() - beganMs
  return { code, ms, out: Buffer.concat(out).toString(), cpuMs: cpuMsIn(Buffer.concat(err).toString()) }
}

/** `0m1.170000s 0m0.300000s`, of the children in the last line. */
function cpuMsIn(times: string): number {
  const parts = [...(times.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)]
  return parts.reduce((sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000, 0)
}

interface Expected {
  readonly code: number
  readonly out: string | RegExp
}

function expectEqual(what: string, ran: Ran | undefined, { code, out }: Expected): void {
  if (ran === undefined) throw new TypeError('nothing ran')
  const isSame = typeof out === 'string' ? ran.out === out : out.test(ran.out)
  if (ran.code !== code || !isSame) throw new Error(`${what}: ended with ${ran.code}:\n${ran.out.slice(0, 2000)}`)
}
