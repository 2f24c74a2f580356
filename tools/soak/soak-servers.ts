/** What the soak runs against: three server processes on one Redis, behind a forwarder that is the issuer. */

import { hashHandle } from '../../src/base/sealing.ts'
import { startRedis } from '../../test/support/redis.ts'
import { type ServerProcesses, startProcesses } from '../../test/support/server-process.ts'
import { freePort } from '../../test/support/start.ts'
import { type FasterClock, hurried } from './faster-clock.ts'
import { startForwarder } from '../kit/forwarder.ts'

const NODES = 3

/** One API for each, so that every ring is in use at every moment. */
export const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

export const MACHINE = { id: 'soak-machine', secret: 'soak-machine-secret-not-for-production' }
export const SPA = { clientId: 'soak-spa', redirectUri: 'http://localhost:4999/callback' }

/**
 * Seconds. The shortest schedule that there is for this overlap: each key is published the moment its predecessor signs.
 * The overlap is more than the half minute that jose lets pass between two fetches; a shorter one would be refused by
 * its verifiers, whatever `max-age` says.
 */
export const MAX_AGE_SECONDS = 30
const MARGIN_SECONDS = 10
const OVERLAP_SECONDS = MAX_AGE_SECONDS + MARGIN_SECONDS

export interface SoakServers {
  readonly issuer: string
  readonly servers: ServerProcesses['servers']
  close(): Promise<void>
}

export function audienceOf(algorithm: Algorithm): string {
  return `https://${algorithm.toLowerCase()}.example`
}

export function scopeOf(algorithm: Algorithm): string {
  return `${algorithm.toLowerCase()}:read`
}

export async function startSoakServers(clock: FasterClock, tokenLifeSeconds: number): Promise<SoakServers> {
  const issuerPort = await freePort()
  const issuer = `http://localhost:${issuerPort}`
  const redis = await startRedis()
  const nodes = await startProcesses({
    ...{ count: NODES, redisUrls: [redis.url], file: settings(OVERLAP_SECONDS, tokenLifeSeconds) },
    env: { ISSUER: issuer, NODE_OPTIONS: hurried(clock) },
  })
  const forwarder = await startForwarder(issuerPort, nodes.urls)
  return {
    issuer,
    servers: nodes.servers,
    async close() {
      await forwarder.close()
      await nodes.close()
      await redis.close()
    },
  }
}

/** Starts a server whose keys would sign before every cache must know them; gives what it said when it ended instead. */
export async function startTooHurried(): Promise<string> {
  const tooShort = settings(OVERLAP_SECONDS - 1, OVERLAP_SECONDS)
  const started = await startProcesses({ file: tooShort }).catch((error: Error) => error)
  if (started instanceof Error) return started.message
  await started.close()
  throw new Error('a server started whose keys would sign before every cache must know them')
}

function settings(rotationSeconds: number, tokenLifeSeconds: number): Record<string, unknown> {
  const scopes = Object.fromEntries(ALGORITHMS.map((algorithm) => [audienceOf(algorithm), [scopeOf(algorithm)]]))
  return {
    keys: { rotation: rotationSeconds, jwks_max_age: MAX_AGE_SECONDS, margin: MARGIN_SECONDS },
    lifetimes: { id_token: tokenLifeSeconds },
    apis: ALGORITHMS.map((algorithm) => ({
      audience: audienceOf(algorithm),
      scopes: { [scopeOf(algorithm)]: `Read what is signed with ${algorithm}` },
      token: { algorithm, lifetime: tokenLifeSeconds },
    })),
    clients: [
      {
        client_id: MACHINE.id,
        client_secret_sha256: hashHandle(MACHINE.secret),
        grant_types: ['client_credentials'],
        apis: scopes,
      },
      {
        client_id: SPA.clientId,
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [SPA.redirectUri],
        scopes: ['openid', 'offline_access'],
        apis: scopes,
      },
    ],
  }
}
