/** The servers under test: three Grantor processes that are one issuer, and what stands in their grantor.yaml. */

import { execFile } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { freePort } from '../../src/testing/free-port.ts'
import { type ServerProcesses, startProcesses } from '../../test/support/server-process.ts'
import type { Network } from './network.ts'
import type { ShiftedClock } from './shifted-clock.ts'
import { connectingFrom } from './source-address.ts'

export const NODES = 3
export const AUDIENCE = 'https://chaos.example'
export const SCOPE = 'chaos:read'
export const REDIRECT_URI = 'http://localhost:4999/callback'
/** Applications of people; each has one grant in a session. */
export const APPLICATIONS = ['chaos-app-0', 'chaos-app-1', 'chaos-app-2', 'chaos-app-3', 'chaos-app-4', 'chaos-app-5']
/** The applications whose codes and pushed requests are used twice on purpose. */
export const REPLAYING = 'chaos-replaying'
export const PUSHING = 'chaos-pushing'
export const MACHINE = { id: 'chaos-machine', secret: 'chaos-machine-secret-not-for-production' }
/** Asks about the tokens of the API, and follows the revocations. */
export const API = { id: 'chaos-api', secret: 'chaos-api-secret-not-for-production' }
export const SIGNER = 'chaos-signer'

export interface Fleet {
  readonly issuer: string
  readonly urls: readonly string[]
  readonly nodes: ServerProcesses['servers']
  /** Signs the assertions of SIGNER. */
  readonly assertionKey: KeyObject
  /** The clock of each node, where clocks are to be wrong. */
  readonly clocks: readonly ShiftedClock[]
  /** Whether a node says that it is ready, and what it says otherwise. */
  readiness(node: number): Promise<{ readonly ready: boolean; readonly problem: string }>
  /** Runs the command `grantor` on the same store; resolves with its exit code. */
  command(...args: readonly string[]): Promise<number>
  close(): Promise<void>
}

export interface FleetParts {
  readonly network: Network
  readonly redisUrl: string
  /** The project whose server is started. */
  readonly server?: string | undefined
  readonly makeClock?: (() => ShiftedClock) | undefined
}

const OWN = fileURLToPath(new URL('../..', import.meta.url))
const COMMAND_MS = 20_000

export async function startFleet({ network, redisUrl, server = OWN, makeClock }: FleetParts): Promise<Fleet> {
  const issuer = `http://localhost:${await freePort()}`
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'chaos' }
  const clocks = makeClock === undefined ? [] : Array.from({ length: NODES }, makeClock)
  const processes = await startProcesses({
    ...{ count: NODES, redisUrls: [redisUrl], main: join(server, 'src/main.ts') },
    file: settings(issuer, [jwk]),
    env: { ISSUER: issuer },
    envOf: (index) => ({
      NODE_OPTIONS: connectingFrom(network.addressOf(`node-${index}`)),
      ...clocks[index]?.env,
    }),
  })
  return {
    ...{ issuer, urls: processes.urls, nodes: processes.servers, assertionKey: privateKey, clocks },
    async readiness(node) {
      const url = `${processes.servers[node]?.opsUrl}/health/ready`
      const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
      const body = (await answer?.json().catch(() => undefined)) as { problem?: string } | undefined
      return { ready: answer?.status === 200, problem: body?.problem ?? '' }
    },
    command: (...args) => {
      const env = { PATH: process.env.PATH, ...processes.env, REDIS_URL: redisUrl, OPS_PORT: '0' }
      const options = { cwd: processes.dataDir, env, timeout: COMMAND_MS }
      return new Promise((resolve) => {
        execFile(process.execPath, [join(server, 'src/cli.ts'), ...args], options, (error) =>
          resolve(error === null ? 0 : Number(error.code ?? 1)),
        )
      })
    },
    close: () => processes.close(),
  }
}

function settings(issuer: string, assertionKeys: readonly object[]): Record<string, unknown> {
  const apis = { [AUDIENCE]: [SCOPE] }
  const application = {
    ...{ token_endpoint_auth_method: 'none', first_party: true, redirect_uris: [REDIRECT_URI], apis },
    ...{ grant_types: ['authorization_code', 'refresh_token'], scopes: ['openid'] },
    // A reply that a fault has swallowed is asked for again during all of the fault.
    refresh: { rotation: 'always', idempotent_window: '60s' },
  }
  const machine = { grant_types: ['client_credentials'], apis }
  return {
    logins: { attempts_per_account: 1000, attempts_per_address: 100_000 },
    apis: [
      {
        ...{ audience: AUDIENCE, scopes: { [SCOPE]: 'Read what the rig has' }, introspected_by: [API.id] },
        token: { algorithm: 'ES256' },
      },
    ],
    default_api: AUDIENCE,
    clients: [
      ...[...APPLICATIONS, REPLAYING, PUSHING].map((client_id) => ({ client_id, ...application })),
      { client_id: MACHINE.id, client_secret_sha256: hashOf(MACHINE.secret), ...machine },
      { client_id: SIGNER, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: assertionKeys }, ...machine },
      {
        ...{ client_id: API.id, client_secret_sha256: hashOf(API.secret), grant_types: ['client_credentials'] },
        apis: { [issuer]: ['revocations:read'] },
      },
    ],
  }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}
