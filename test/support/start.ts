/**
 * The real server in this process: real HTTP, a real store, a temporary folder.
 *
 * `start()` is the demo configuration on a free port. `nodes: 2` starts two servers on one store that are one issuer; a
 * request is sent to a node by its own address and answered as the issuer's.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type App, startApp } from '../../src/app.ts'
import { createLog } from '../../src/audit/log.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { ApiSettings, ClientSettings, Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { freePort } from '../../src/testing/free-port.ts'
import { PLAIN_CLIENT } from './plain-client.ts'

export { freePort } from '../../src/testing/free-port.ts'

export interface StartOptions {
  /** The embedded store in a temporary folder unless set. */
  readonly redisUrl?: string
  /** Where the temporary folder is made, which is that of the system unless set. */
  readonly folder?: string
  readonly nodes?: number
  readonly clock?: Clock
  /** Added to the demo's, or in place of one with the same id. */
  readonly clients?: readonly (Partial<ClientSettings> & { readonly clientId: string })[]
  readonly apis?: readonly (Partial<ApiSettings> & { readonly audience: string })[]
  /** What else of the configuration is to differ. */
  readonly config?: Partial<Config>
  /** Collects what is logged. */
  readonly onLog?: (line: string) => void
}

export interface Running {
  readonly issuer: string
  /** Where the nodes are bound. */
  readonly urls: readonly string[]
  readonly nodes: readonly App[]
  readonly config: Config
  readonly dataDir: string
  close(): Promise<void>
}

export async function start(options: StartOptions = {}): Promise<Running> {
  const dataDir = await mkdtemp(join(options.folder ?? tmpdir(), 'grantor-test-'))
  const issuer = options.config?.issuer ?? `http://localhost:${await freePort()}`
  const config = configure(issuer, dataDir, options)
  const destination = options.onLog && { write: options.onLog }
  const log = destination === undefined ? createLog({ level: 'silent' }) : createLog({ level: 'debug', destination })

  const nodes: App[] = []
  for (let index = 0; index < (options.nodes ?? 1); index++) {
    const port = index === 0 && options.config?.issuer === undefined ? Number(new URL(issuer).port) : 0
    nodes.push(await startApp({ ...config, port }, { log, ...(options.clock && { clock: options.clock }) }))
  }
  return {
    issuer,
    urls: nodes.map(({ url }) => url),
    nodes,
    config,
    dataDir,
    async close() {
      await Promise.all(nodes.map((node) => node.close()))
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

function configure(issuer: string, dataDir: string, options: StartOptions): Config {
  const { port } = new URL(issuer)
  const demo = loadConfig({
    env: {
      PORT: port || '3000',
      OPS_PORT: '0',
      DATA_DIR: dataDir,
      GRANTOR_KEYS_DIR: join(dataDir, 'keys'),
      ...(options.redisUrl === undefined ? {} : { REDIS_URL: options.redisUrl }),
    },
    cwd: dataDir,
  })
  return {
    ...demo,
    issuer,
    opsPort: 0,
    clientAuthentication: UNLIMITED,
    ...options.config,
    clients: combine(demo.clients, options.clients ?? [], 'clientId', { ...PLAIN_CLIENT }),
    apis: combine(demo.apis, options.apis ?? [], 'audience', { ...PLAIN_API }),
  }
}

// The tests of attacks send hundreds of wrong credentials from one address; those of the limit set their own.
const UNLIMITED = { attempts: 1_000_000, windowSeconds: 60 }

const PLAIN_API: Omit<ApiSettings, 'audience'> = {
  name: 'An API of a test',
  scopes: { 'test:read': 'Read what the test has' },
  tokenFormat: 'jwt',
  algorithm: 'ES256',
  secret: undefined,
  accessTokenSeconds: 600,
  opensUserinfo: true,
  introspectedBy: [],
}

function combine<T extends object, K extends keyof T>(
  demo: readonly T[],
  changed: readonly (Partial<T> & Pick<T, K>)[],
  id: K,
  plain: Omit<T, K>,
): T[] {
  const byId = new Map<unknown, T>(demo.map((one) => [one[id], one]))
  for (const one of changed) byId.set(one[id], { ...plain, ...byId.get(one[id]), ...one } as T)
  return [...byId.values()]
}
