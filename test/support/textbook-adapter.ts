/**
 * The adapter that a textbook would give, on the bare engine: two nodes, one store, and a store that takes its time.
 *
 * Here to lose. The engine reads a record, looks whether it was used and marks it used in separate calls, and this
 * adapter does what it is told, one call after the other. A test of races that passes here could not have failed.
 */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { exportJWK, generateKeyPair } from 'jose'
import { type Adapter, type AdapterPayload, type ClientMetadata, type Configuration, Provider } from 'oidc-provider'

import { freePort } from './start.ts'

/** What a store in the same data centre takes to answer; enough for sixteen callers to meet. */
const LATENCY_MS = 5

export interface Textbook {
  readonly issuer: string
  readonly urls: readonly string[]
  /** Holds the next write of a session until it is released, and says when it came. */
  holdSessionWrite(): { readonly reached: Promise<void>; release(): void }
  close(): Promise<void>
}

export async function startTextbook(clients: readonly ClientMetadata[], nodes = 2): Promise<Textbook> {
  const store = new SlowMap()
  const issuer = `http://localhost:${await freePort()}`
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwks = { keys: [await exportJWK(privateKey)] }
  const servers = await Promise.all(
    Array.from({ length: nodes }, () => serve(issuer, configure(store, clients, jwks as Configuration['jwks']))),
  )
  return {
    issuer,
    urls: servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    holdSessionWrite: () => store.holdSessionWrite(),
    async close() {
      await Promise.all(
        servers.map((server) => {
          server.closeAllConnections()
          return new Promise((resolve) => server.close(resolve))
        }),
      )
    },
  }
}

class SlowMap {
  readonly #records = new Map<string, string>()
  #held: { readonly gate: Promise<void>; reach(): void } | undefined

  async get(key: string): Promise<AdapterPayload | undefined> {
    await delay(LATENCY_MS)
    const text = this.#records.get(key)
    return text === undefined ? undefined : (JSON.parse(text) as AdapterPayload)
  }

  async set(key: string, payload: AdapterPayload): Promise<void> {
    if (key.startsWith('Session:')) await this.#whileHeld()
    await delay(LATENCY_MS)
    this.#records.set(key, JSON.stringify(payload))
  }

  async delete(key: string): Promise<void> {
    await delay(LATENCY_MS)
    this.#records.delete(key)
  }

  async deleteWhere(model: string, matches: (payload: AdapterPayload) => boolean): Promise<void> {
    await delay(LATENCY_MS)
    for (const [key, text] of this.#records) {
      if (key.startsWith(`${model}:`) && matches(JSON.parse(text) as AdapterPayload)) this.#records.delete(key)
    }
  }

  async findWhere(model: string, matches: (payload: AdapterPayload) => boolean): Promise<AdapterPayload | undefined> {
    await delay(LATENCY_MS)
    const ofModel = [...this.#records].filter(([key]) => key.startsWith(`${model}:`))
    return ofModel.map(([, text]) => JSON.parse(text) as AdapterPayload).find(matches)
  }

  holdSessionWrite(): { reached: Promise<void>; release(): void } {
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    this.#held = { gate: gate.promise, reach: reached.resolve }
    return { reached: reached.promise, release: gate.resolve }
  }

  async #whileHeld(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    held?.reach()
    await held?.gate
  }
}

function textbookAdapter(store: SlowMap): (model: string) => Adapter {
  return (model) => {
    const place = (id: string) => `${model}:${id}`
    return {
      upsert: (id, payload) => store.set(place(id), payload),
      find: (id) => store.get(place(id)),
      findByUserCode: (userCode) => store.findWhere(model, (payload) => payload.userCode === userCode),
      findByUid: (uid) => store.findWhere(model, (payload) => payload.uid === uid),
      destroy: (id) => store.delete(place(id)),
      revokeByGrantId: (grantId) => store.deleteWhere(model, (payload) => payload.grantId === grantId),
      async consume(id) {
        const payload = await store.get(place(id))
        if (payload !== undefined) await store.set(place(id), { ...payload, consumed: Math.floor(Date.now() / 1000) })
      },
    }
  }
}

function configure(
  store: SlowMap,
  clients: readonly ClientMetadata[],
  jwks: Configuration['jwks'],
): Configuration & { adapter: (model: string) => Adapter } {
  return {
    adapter: textbookAdapter(store),
    clients: [...clients],
    ...(jwks && { jwks }),
    cookies: { keys: ['not-a-secret'] },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    routes: {
      authorization: '/authorize',
      token: '/token',
      pushed_authorization_request: '/par',
      end_session: '/logout',
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: false },
      rpInitiatedLogout: {
        async logoutSource(ctx, form) {
          ctx.body = form
        },
      },
    },
    ttl: {
      AccessToken: () => 600,
      AuthorizationCode: () => 60,
      ClientCredentials: () => 600,
      Grant: () => 3600,
      IdToken: () => 600,
      PushedAuthorizationRequest: () => 60,
      Interaction: () => 600,
      RefreshToken: () => 3600,
      Session: () => 3600,
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    findAccount: (_ctx, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
    async loadExistingGrant({ oidc }) {
      const { client, session, provider } = oidc
      if (client === undefined || session?.accountId === undefined) return undefined
      const known = session.grantIdFor(client.clientId)
      if (known !== undefined) return provider.Grant.find(known)
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId })
      grant.addOIDCScope('openid offline_access')
      await grant.save()
      return grant
    },
  }
}

async function serve(issuer: string, configuration: Configuration): Promise<Server> {
  const provider = new Provider(issuer, configuration)
  provider.proxy = true
  // Every visitor is signed in.
  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next()
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: 'alice' } })
    ctx.respond = false
  })
  const handle = provider.callback()
  const { host } = new URL(issuer)
  const server = createServer((req, res) => {
    req.headers.host = host
    void handle(req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
