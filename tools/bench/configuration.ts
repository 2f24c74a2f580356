/**
 * What every server under measure is configured with: the same clients, APIs, lifetimes and person.
 *
 * Grantor takes the configuration as it stands; the references are given the same in the engine's own words
 * (reference.ts), so that a difference between two rows is a difference between two servers.
 */

import { join } from 'node:path'

import { hashSecret } from '../../src/clients/secrets.ts'
import type { ApiSettings, ClientSettings, Config, SigningAlgorithm } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { PLAIN_CLIENT } from '../../test/support/plain-client.ts'

export const SECRET = 'a-secret-of-the-bench-which-holds-more-than-256-bits-of-nothing'
export const REDIRECT_URI = 'http://localhost:4999/callback'

export const RS256_API = 'https://rs256.example'
export const ES256_API = 'https://es256.example'
export const EDDSA_API = 'https://eddsa.example'
export const OPAQUE_API = 'https://opaque.example'

/** The one scope of every API. */
export const API_SCOPE = 'bench:read'

export const CLAIMS = {
  name: 'Alice Liddell',
  given_name: 'Alice',
  family_name: 'Liddell',
  email: 'alice@example.com',
  email_verified: true,
} as const

export interface StoreSettings {
  /** Unset: the embedded store, or the reference's map. */
  readonly redisUrl?: string | undefined
  /** How many replicas confirm a write of Grantor; unset: every replica that could be promoted. */
  readonly redisReplicas?: number | undefined
}

export interface GrantorOptions extends StoreSettings {
  readonly issuer: string
  readonly dataDir: string
}

export function benchConfig({ issuer, dataDir, redisUrl, redisReplicas }: GrantorOptions): Config {
  const env = {
    PORT: new URL(issuer).port,
    OPS_PORT: '0',
    DATA_DIR: dataDir,
    GRANTOR_KEYS_DIR: join(dataDir, 'keys'),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...(redisReplicas === undefined ? {} : { REDIS_REPLICAS: String(redisReplicas) }),
  }
  const config = loadConfig({ env, cwd: dataDir })
  return { ...config, issuer, opsPort: 0, clients: CLIENTS, apis: APIS, defaultApi: ES256_API }
}

const APIS: readonly ApiSettings[] = [
  anApi(RS256_API, 'jwt', 'RS256'),
  anApi(ES256_API, 'jwt', 'ES256'),
  anApi(EDDSA_API, 'jwt', 'EdDSA'),
  anApi(OPAQUE_API, 'opaque', 'ES256'),
]

const ALL_APIS = Object.fromEntries(APIS.map(({ audience }) => [audience, [API_SCOPE]]))

const CLIENTS: readonly ClientSettings[] = [
  aClient('bench-machine', { grantTypes: ['client_credentials'], redirectUris: [], scopes: [], ...confidential() }),
  // A public client with PKCE, whose refresh tokens rotate.
  aClient('bench-spa', {}),
  // A client of no API: its access tokens are opaque and open userinfo alone.
  aClient('bench-login', { apis: {} }),
]

function anApi(audience: string, tokenFormat: ApiSettings['tokenFormat'], algorithm: SigningAlgorithm): ApiSettings {
  return {
    audience,
    name: audience,
    scopes: { [API_SCOPE]: 'Read what the bench has' },
    tokenFormat,
    algorithm,
    secret: undefined,
    accessTokenSeconds: 600,
    opensUserinfo: true,
    introspectedBy: ['bench-machine'],
  }
}

function aClient(clientId: string, differs: Partial<ClientSettings>): ClientSettings {
  return {
    ...PLAIN_CLIENT,
    ...{ clientId, clientName: clientId, redirectUris: [REDIRECT_URI], apis: ALL_APIS, refreshIdempotentSeconds: 5 },
    ...differs,
  }
}

function confidential(): Pick<ClientSettings, 'authMethod' | 'secretHash'> {
  return { authMethod: 'client_secret_basic', secretHash: hashSecret(SECRET) }
}
