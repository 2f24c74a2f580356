/**
 * The references: the bare engine, configured as Grantor configures it, on a storage of a dozen lines, which
 * holds the person too.
 *
 * No dispatcher, no security headers, no audit, no hashing or sealing; what it is asked to do is the same.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { Redis } from 'ioredis'
import { type Adapter, type Configuration, errors, Provider, type ResourceServer } from 'oidc-provider'

import type { ApiSettings, ClientSettings, Config } from '../../src/config/config.ts'
import { clientMetadata } from '../../src/engine/configuration/client-metadata.ts'
import { ENGINE_PATHS } from '../../src/engine/paths.ts'
import { benchConfig, CLAIMS, type GrantorOptions, SECRET } from './configuration.ts'
import { createMapAdapters } from '../../test/support/map-adapter.ts'
import { createRedisAdapters } from './redis-adapter.ts'
import type { Served } from './served.ts'

export interface ReferenceOptions extends GrantorOptions {
  readonly jwks: readonly object[]
}

const ACCOUNT_ID = 'usr_alice'
const COOKIE_KEY = 'a cookie key of the bench'
const USERINFO_TOKEN_SECONDS = 600

export async function serveReference(options: ReferenceOptions): Promise<Served> {
  const config = benchConfig(options)
  const redis = options.redisUrl === undefined ? undefined : new Redis(options.redisUrl, { enableAutoPipelining: true })
  const adapter = redis === undefined ? createMapAdapters() : createRedisAdapters(redis, 'reference:')
  const accounts = redis === undefined ? accountsInMap() : await accountsInRedis(redis)
  const provider = new Provider(config.issuer, configuration(config, adapter, accounts, options.jwks))
  const callback = provider.callback()
  const server = createServer((req, res) => void callback(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    port: (server.address() as AddressInfo).port,
    provider,
    accountId: ACCOUNT_ID,
    jwks: options.jwks,
    async close() {
      server.closeAllConnections()
      server.close()
      redis?.disconnect()
    },
  }
}

function configuration(
  { clients, apis, lifetimes, defaultApi }: Config,
  adapter: (model: string) => Adapter,
  findAccount: FindAccount,
  jwks: readonly object[],
): Configuration {
  const accessTokenSeconds = (_ctx: unknown, token: object): number =>
    (token as { resourceServer?: ResourceServer }).resourceServer?.accessTokenTTL ?? USERINFO_TOKEN_SECONDS

  return {
    adapter,
    jwks: { keys: jwks.map((jwk) => ({ ...jwk })) },
    clients: clients.map(metadata),
    routes: ENGINE_PATHS,
    scopes: ['openid', 'offline_access'],
    responseTypes: ['code'],
    subjectTypes: ['public'],
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
    cookies: { keys: [COOKIE_KEY] },
    claims: {
      openid: ['sub'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username', 'picture', 'locale', 'zoneinfo'],
      email: ['email', 'email_verified'],
    },
    findAccount: async (_ctx, id) => {
      const account = await findAccount(id)
      return account && { accountId: id, claims: () => ({ sub: id, ...account.claims }) }
    },
    ttl: {
      AccessToken: accessTokenSeconds,
      ClientCredentials: accessTokenSeconds,
      AuthorizationCode: () => lifetimes.authorizationCodeSeconds,
      IdToken: () => lifetimes.idTokenSeconds,
      Interaction: () => lifetimes.interactionSeconds,
      Grant: () => lifetimes.consentSeconds,
      Session: () => lifetimes.sessionIdleSeconds,
      RefreshToken: () => lifetimes.refreshTokenIdleSeconds,
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: () => true,
    clientBasedCORS: () => false,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.tokenEndpointAuthMethod !== 'none' },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, client, oneOf) => firstAllowed(oneOf, clients, client.clientId, defaultApi),
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, audience) => resourceServer(apis, audience),
      },
    },
  }
}

type FindAccount = (id: string) => Promise<{ claims: typeof CLAIMS } | undefined>

/** A person is looked up where everything else is: a server that does not look accepts a removed person. */
async function accountsInRedis(redis: Redis): Promise<FindAccount> {
  const keyOf = (id: string) => `reference:account:${id}`
  await redis.set(keyOf(ACCOUNT_ID), JSON.stringify({ claims: CLAIMS }))
  return async (id) => {
    const json = await redis.get(keyOf(id))
    return json === null ? undefined : (JSON.parse(json) as { claims: typeof CLAIMS })
  }
}

function accountsInMap(): FindAccount {
  const accounts = new Map([[ACCOUNT_ID, { claims: CLAIMS }]])
  return async (id) => accounts.get(id)
}

/** The engine compares secrets in clear, so it is given the secret in place of its hash. */
function metadata(client: ClientSettings) {
  return clientMetadata(client.secretHash === undefined ? client : { ...client, secretHash: SECRET })
}

function firstAllowed(
  oneOf: readonly string[] | undefined,
  clients: readonly ClientSettings[],
  clientId: string,
  defaultApi: string | undefined,
): string | string[] {
  if (oneOf !== undefined) return oneOf[0] as string
  const apis = clients.find((client) => client.clientId === clientId)?.apis ?? {}
  return Object.keys(apis).length > 0 && defaultApi !== undefined ? defaultApi : []
}

function resourceServer(apis: readonly ApiSettings[], audience: string): ResourceServer {
  const api = apis.find((one) => one.audience === audience)
  if (api === undefined) throw new errors.InvalidTarget()
  return {
    scope: Object.keys(api.scopes).join(' '),
    audience,
    accessTokenTTL: api.accessTokenSeconds,
    accessTokenFormat: api.tokenFormat,
    ...(api.tokenFormat === 'jwt' ? { jwt: { sign: { alg: api.algorithm } } } : {}),
  } as ResourceServer
}
