/**
 * Real Redis servers for tests: alone, with Sentinel, as a Cluster.
 *
 * Each runs on free loopback ports in a folder of its own and ends with the test. No test flushes: each takes a random
 * key prefix instead.
 */

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'

import { freePort } from '../../src/testing/free-port.ts'

const run = promisify(execFile)
const UP_WITHIN_MS = 20_000
const LOOK_AGAIN_MS = 50

/** `describe`, or in its place one loud line when there is no Redis here; where CI must have one, a failure. */
export function describeWithRedis(title: string, tests: () => void): void {
  if (skipsWithoutRedis(title)) describe.skip(title, tests)
  else describe(title, tests)
}

/** Whether tests are to be skipped because there is no Redis here, which is said; where CI must have one, a failure. */
export function skipsWithoutRedis(title: string): boolean {
  if (redisAvailable()) return false
  if (process.env.CI === 'true') throw new Error(`redis-server is not installed, and CI must not skip "${title}"`)
  console.warn(`SKIPPED: "${title}", because redis-server is not installed`)
  return true
}

export function redisAvailable(): boolean {
  return spawnSync('redis-server', ['--version']).error === undefined
}

/** A key prefix that no other test has. */
export function aPrefix(): string {
  return `test-${randomUUID()}:`
}

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Asks the server to stop, and waits until it has. */
  stop(): Promise<void>
  /** Ends it without notice (SIGKILL). */
  kill(): Promise<void>
  /** Starts it again, on the same port and with the same folder, if it has been ended; waits until it answers. */
  restart(): Promise<void>
  /** Holds the process (SIGSTOP) and lets it go on. */
  pause(): void
  resume(): void
  /** What `redis-cli` prints for a command. */
  cli(...args: string[]): Promise<string>
  /** Ends the server and removes its folder. */
  close(): Promise<void>
}

export interface RedisServerOptions {
  /** Writes every command to disk before it answers. */
  readonly appendOnly?: boolean
  readonly password?: string
  /** Further settings, as on the command line: `['--maxmemory', '10mb']`. */
  readonly settings?: readonly string[]
  /** Added to the environment of the server. */
  readonly env?: Readonly<Record<string, string>>
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { appendOnly = false, password = '', settings = [], env = {} } = options
  const persistence = appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']
  return startServer([...persistence, '--requirepass', password, ...settings], [], { password, env })
}

export interface SentinelSetup {
  readonly url: string
  /** The primary at the start, and its replicas; after a failover another of them is primary. */
  readonly primary: RedisServer
  readonly replicas: readonly RedisServer[]
  /** The first replica. */
  readonly replica: RedisServer
  readonly sentinels: readonly RedisServer[]
  close(): Promise<void>
}

const PRIMARY_NAME = 'grantor'
const SENTINELS = 3

export interface SentinelOptions {
  /** One unless set. */
  readonly replicas?: number
  /** Of every data server, as on the command line. */
  readonly settings?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** A primary, its replicas, three sentinels that fail over when two agree that the primary has been gone for a second. */
export async function startSentinel(options: SentinelOptions = {}): Promise<SentinelSetup> {
  const { replicas: count = 1, settings = [], env = {} } = options
  // A replica would wait five seconds for others that want the same copy.
  const shared = ['--repl-diskless-sync-delay', '0', ...settings]
  const primary = await startServer(shared, [], { env })
  const ofPrimary = ['--replicaof', `127.0.0.1 ${primary.port}`]
  const replicas = await Promise.all(
    Array.from({ length: count }, () => startServer([...shared, ...ofPrimary], [], { env })),
  )
  for (const replica of replicas) {
    await until(async () => (await replica.cli('INFO', 'replication')).includes('master_link_status:up'))
  }
  const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => startSentinelProcess(primary.port)))
  await until(async () => {
    const known = await Promise.all(sentinels.map((each) => each.cli('SENTINEL', 'CKQUORUM', PRIMARY_NAME)))
    const listed = await Promise.all(sentinels.map((each) => each.cli('SENTINEL', 'REPLICAS', PRIMARY_NAME)))
    const isComplete = known.every((line) => line.startsWith(`OK ${SENTINELS} usable`))
    return isComplete && listed.every((lines) => replicas.every(({ port }) => lines.includes(String(port))))
  })
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
  return {
    url: `redis+sentinel://${hosts}/${PRIMARY_NAME}`,
    primary,
    replicas,
    replica: replicas[0] as RedisServer,
    sentinels,
    async close() {
      await Promise.all([...sentinels, ...replicas, primary].map((server) => server.close()))
    },
  }
}

function startSentinelProcess(primaryPort: number): Promise<RedisServer> {
  const watch = [
    `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${PRIMARY_NAME} 1000`,
    `sentinel failover-timeout ${PRIMARY_NAME} 3000`,
  ]
  return startServer(['--sentinel'], watch)
}

export interface RedisCluster {
  readonly url: string
  readonly nodes: readonly RedisServer[]
  /** Moves so many slots, and what is in them, from one node to another, both named by their `CLUSTER MYID`. */
  reshard(from: string, to: string, slots: number): Promise<void>
  close(): Promise<void>
}

const CLUSTER_PRIMARIES = 3

/** Three primaries that share the slots, each with so many replicas: none unless said. */
export async function startCluster(settings: readonly string[] = [], replicas = 0): Promise<RedisCluster> {
  const nodes: RedisServer[] = []
  while (nodes.length < CLUSTER_PRIMARIES * (1 + replicas)) nodes.push(await startClusterNode(settings))
  const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`)
  await run('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-replicas', String(replicas), '--cluster-yes'])
  await until(async () => {
    const states = await Promise.all(nodes.map((node) => node.cli('CLUSTER', 'INFO')))
    const links = await Promise.all(nodes.map((node) => node.cli('INFO', 'replication')))
    return (
      states.every((state) => state.includes('cluster_state:ok')) &&
      links.filter((link) => link.includes('master_link_status:up')).length === CLUSTER_PRIMARIES * replicas
    )
  })
  return {
    url: `redis+cluster://${hosts.join(',')}`,
    nodes,
    async reshard(from, to, slots) {
      const which = ['--cluster-from', from, '--cluster-to', to, '--cluster-slots', String(slots)]
      await run('redis-cli', ['--cluster', 'reshard', hosts[0] ?? '', ...which, '--cluster-yes'])
    },
    async close() {
      await Promise.all(nodes.map((node) => node.close()))
    },
  }
}

async function startClusterNode(settings: readonly string[]): Promise<RedisServer> {
  const bus = String(await freePort())
  const cluster = ['--cluster-enabled', 'yes', '--cluster-port', bus, '--cluster-node-timeout', '2000']
  return startServer([...cluster, '--repl-diskless-sync-delay', '0', ...settings])
}

export interface ServerOptions {
  readonly password?: string
  /** A free one unless set. */
  readonly port?: number
  /** Added to the environment of the process. */
  readonly env?: Readonly<Record<string, string>>
}

/** One server: `settings` as on the command line, `lines` for its file. */
export async function startServer(
  settings: readonly string[],
  lines: readonly string[] = [],
  options: ServerOptions = {},
): Promise<RedisServer> {
  const { password = '', port = await freePort() } = options
  const directory = await mkdtemp(join(tmpdir(), 'grantor-redis-'))
  const file = join(directory, 'redis.conf')
  // A port in the file rather than on the command line: Sentinel rewrites its file, and reads it again.
  await writeFile(file, [`port ${port}`, 'bind 127.0.0.1', 'save ""', `dir "${directory}"`, ...lines, ''].join('\n'))

  const env = password === '' ? process.env : { ...process.env, REDISCLI_AUTH: password }
  const own = { ...process.env, ...options.env }
  const cli = async (...args: string[]) =>
    (await run('redis-cli', ['-p', String(port), ...args], { env })).stdout.trim()
  let child: ChildProcess | undefined
  const restart = async () => {
    if (child !== undefined) return
    child = spawn('redis-server', [file, ...settings], { stdio: 'ignore', env: own })
    await until(async () => (await cli('PING')) === 'PONG')
  }
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    await ended
    child = undefined
  }
  // Should the test itself be ended, its servers must not stay.
  const killNow = () => void child?.kill('SIGKILL')
  process.once('exit', killNow)
  await restart()

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    cli,
    restart,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async close() {
      process.off('exit', killNow)
      await end('SIGKILL')
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Looks until it is so; another process decides when. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + UP_WITHIN_MS
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`Redis was not ready within ${UP_WITHIN_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}
