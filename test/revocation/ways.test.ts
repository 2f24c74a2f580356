import { globSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import { END_REASONS, type EndReason } from '../../src/revocation/end-reasons.ts'
import { ROOT } from '../house/root.ts'
import { type Running, start } from '../support/start.ts'
import { callEndpoint, redeem, refresh } from '../support/user-agent.ts'
import { operate } from './operator.ts'
import { aHolder, entriesOf, type Holder, opensUserinfo, REDIRECT_URI, refreshes } from './sign-ins.ts'
import { within } from '../support/figures.ts'

vi.setConfig({ testTimeout: 30_000 })

const MOST_TOKENS_OF_A_GRANT = 20
const SOON = within(1000, 20)

interface Way {
  /** Does what ends access, at the first node. */
  end(app: Running, holder: Holder): Promise<unknown>
  readonly clientId?: string
  /** What else is recorded of it, once. */
  readonly event?: string
  /** How many entries of single tokens precede the one of what ended. */
  readonly tokensBefore?: number
  /** Where the refresh token outlives what ended. */
  readonly refreshTokenLives?: boolean
}

/** A way without a scenario is not let through: the type asks for one for each. */
const WAYS: Readonly<Record<EndReason, Way>> = {
  access_token_revoked: {
    end: (app, { accessToken, clientId }) => revoke(app, { token: accessToken, client_id: clientId }),
    refreshTokenLives: true,
  },
  refresh_token_revoked: {
    end: (app, { refreshToken, clientId }) => revoke(app, { token: refreshToken, client_id: clientId }),
  },
  tokens_revoked_repeatedly: {
    end: (app, holder) => revokeRepeatedly(app, holder),
    tokensBefore: MOST_TOKENS_OF_A_GRANT,
  },
  authorization_code_reused: {
    end: async (app, { code, pkce, clientId }) =>
      expect((await redeem(first(app), code, pkce, { clientId, redirectUri: REDIRECT_URI })).status).toBe(400),
    event: 'authorization_code.reused',
  },
  refresh_token_reused: {
    clientId: 'strict',
    end: async (app, { refreshToken, clientId }) => {
      expect((await refresh(first(app), refreshToken, clientId)).status).toBe(200)
      expect((await refresh(first(app), refreshToken, clientId)).status).toBe(400)
    },
    event: 'refresh_token.reused',
  },
  consent_withdrawn: {
    end: (app, { person, clientId }) => app.nodes[0]?.revocation.endConsent(person.id, clientId) as Promise<void>,
  },
  password_changed: {
    end: (app, { person }) => operated(app, ['accounts', 'set-password', person.login], 'another good passphrase\n'),
  },
  account_disabled: { end: (app, { person }) => operated(app, ['accounts', 'disable', person.login]) },
  account_removed: { end: (app, { person }) => operated(app, ['accounts', 'remove', '--yes', person.login]) },
  logout: {
    async end(_app, { agent }) {
      const { page } = await agent.follow(await agent.get('/logout'))
      if (page === undefined) throw new Error('no page')
      await agent.submit(page, '/logout/confirm', { logout: 'yes' })
    },
  },
  client_removed: { clientId: 'removed', end: (app) => withoutClient(app, 'removed') },
  client_disabled: { clientId: 'disabled', end: (app) => withDisabledClient(app, 'disabled') },
  key_compromised: {
    end: (app, { accessToken }) => {
      const { kid } = JSON.parse(Buffer.from(accessToken.split('.')[0] ?? '', 'base64url').toString()) as {
        kid: string
      }
      return operated(app, ['keys', 'rotate', '--yes', '--compromised', kid])
    },
    refreshTokenLives: true,
  },
  token_ended_by_operator: {
    end: (app, { accessToken }) => operated(app, ['revoke', 'token'], accessToken),
    refreshTokenLives: true,
  },
  grant_ended_by_operator: { end: (app, { claims }) => operated(app, ['revoke', 'grant', '--', claims.gid ?? '']) },
  session_ended_by_operator: { end: (app, { person }) => operated(app, ['sessions', 'end', person.login]) },
  account_ended_by_operator: { end: (app, { person }) => operated(app, ['revoke', 'account', person.login]) },
  client_ended_by_operator: { clientId: 'ended', end: (app) => operated(app, ['revoke', 'client', '--yes', 'ended']) },
  store_replaced: { end: (app) => endedByStore(app, 'store_replaced') },
  store_set_back: { end: (app) => endedByStore(app, 'store_set_back') },
  store_restored: { end: (app) => endedByStore(app, 'store_restored') },
  everything_ended_by_operator: { end: (app) => operated(app, ['revoke', 'everything', '--yes']) },
}

describe('access that ends', () => {
  let shared: Running
  beforeAll(async () => {
    shared = await startWithWays()
  })
  afterAll(() => shared.close())

  async function startWithWays(): Promise<Running> {
    const clients = ['app', 'removed', 'disabled', 'ended'].map((clientId) => ({ clientId }))
    const app = await start({ nodes: 2, clients: [...clients, { clientId: 'strict', refreshIdempotentSeconds: 0 }] })
    await writeFile(join(app.dataDir, 'grantor.yaml'), JSON.stringify({ clients: ['app', 'ended'].map(inFile) }))
    return app
  }

  /** The moment of `everything` lies a little ahead, so nothing can be begun after it: it has servers of its own. */
  async function serversFor(reason: EndReason): Promise<Running> {
    if (END_REASONS[reason].entry !== 'before') return shared
    const app = await startWithWays()
    onTestFinished(() => app.close())
    return app
  }

  const ways = Object.entries(WAYS) as [EndReason, Way][]

  it.each(ways)(
    '[S66] [S112] is refused on every node within a second, told once and recorded: %s',
    async (reason, way) => {
      const app = await serversFor(reason)
      const holder = await aHolder(app, { clientId: way.clientId ?? 'app' })
      const before = await entriesOf(app)

      await way.end(app, holder)

      await vi.waitFor(async () => {
        for (const url of app.urls) expect(await opensUserinfo(url, holder.accessToken)).toBe(false)
      }, SOON)
      const added = (await entriesOf(app)).slice(before.length)
      const single = Array<string>(way.tokensBefore ?? 0).fill('jti')
      expect(added.map((entry) => Object.keys(entry)[0])).toEqual([...single, END_REASONS[reason].entry])
      if (way.refreshTokenLives !== true) {
        for (const url of app.urls) expect(await refreshes(url, holder)).toBe(false)
      } else {
        expect(await refreshes(app.urls[1] as string, holder)).toBe(true)
      }
      await vi.waitFor(async () => expect(await reasonsOf(app)).toContain(reason), SOON)
      if (way.event !== undefined) expect(await eventsOf(app, holder)).toEqual([way.event, 'grant.ended'])
    },
  )
})

describe('the single door', () => {
  const sources = globSync('src/**/*.ts', { cwd: ROOT })
    .filter((path) => !/^src\/(resource|testing|samples|store)\//.test(path))
    .map((path) => ({ path, text: readFileSync(`${ROOT}/${path}`, 'utf8') }))

  const holding = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ path }) => path)

  it('alone writes entries, and nothing goes past its log', () => {
    expect(holding(/\.publish\(/)).toEqual(['src/revocation/publishing.ts', 'src/revocation/revoke.ts'])
    expect(holding(/createPublishing\(/)).toEqual(['src/revocation/publishing.ts', 'src/revocation/revoke.ts'])
    expect(holding(/append\(\s*logs\.revocations/)).toEqual(['src/revocation/revocation-log.ts'])
  })

  it('alone removes grants and sessions with what belongs to them', () => {
    expect(holding(/\.removeMembers\(/)).toEqual(['src/revocation/revoke.ts'])
  })

  it('and few others remove anything at all', () => {
    const others = [
      // An account that has no access any more, and one whose creation was lost to another of the same name.
      'src/accounts/accounts.ts',
      'src/accounts/account-writes.ts',
      // A node's turn to push.
      'src/jobs/push.ts',
      // Counters.
      'src/limits/limiter.ts',
      // A sign-in that is over, a pushed request.
      'src/engine/adapter/records.ts',
      // A session id that was replaced by another.
      'src/engine/adapter/sessions.ts',
      // A grant that nothing came of, because another request of the same session made one first.
      'src/engine/interactions/session-grants.ts',
    ]

    const removers = holding(/\bstore\s*\.(remove|take)\(/)

    expect(removers.filter((path) => !others.includes(path))).toEqual(['src/revocation/revoke.ts'])
  })

  it('is used by all code that changes an account', () => {
    expect(holding(/\baccounts\.(disable|setPassword|endAccess|remove)\(/)).toEqual([
      'src/revocation/account-access.ts',
    ])
  })
})

/** As the operator's command reads it. */
function inFile(client_id: string) {
  return {
    ...{ client_id, token_endpoint_auth_method: 'none', redirect_uris: [REDIRECT_URI] },
    ...{ grant_types: ['authorization_code', 'refresh_token'], apis: { 'https://orders.example': ['orders:read'] } },
  }
}

function first(app: Running): string {
  return app.urls[0] as string
}

/** How a server comes to do this stands in test/feature/store-faults/store-identity.test.ts. */
async function endedByStore(app: Running, reason: EndReason): Promise<void> {
  await app.nodes[0]?.revocation.endEverything(undefined, reason)
}

async function revoke(app: Running, form: Record<string, string>): Promise<void> {
  expect((await callEndpoint(`${first(app)}/revoke`, form)).status).toBe(200)
}

/** Revokes one access token after the other and goes on with the grant, until the last of them ends it. */
async function revokeRepeatedly(app: Running, holder: Holder): Promise<void> {
  let { accessToken: token, refreshToken } = holder
  for (let revoked = 1; revoked < MOST_TOKENS_OF_A_GRANT; revoked++) {
    await revoke(app, { token, client_id: holder.clientId })
    const { body } = await refresh(first(app), refreshToken, holder.clientId)
    token = String(body.access_token)
    refreshToken = String(body.refresh_token)
  }
  await revoke(app, { token, client_id: holder.clientId })
}

async function operated(app: Running, args: readonly string[], piped = ''): Promise<void> {
  expect(await operate(app, args, piped)).toMatchObject({ code: 0, err: '' })
}

/** The file no longer has this client; then it has it again, so that what is refused is what has ended. */
async function withoutClient(app: Running, clientId: string): Promise<void> {
  const clients = app.config.clients.filter((client) => client.clientId !== clientId)
  await app.nodes[0]?.reload({ ...app.config, clients })
  await app.nodes[0]?.reload(app.config)
}

async function withDisabledClient(app: Running, clientId: string): Promise<void> {
  const clients = app.config.clients.map((client) =>
    client.clientId === clientId ? { ...client, disabled: true as const } : client,
  )
  await app.nodes[0]?.reload({ ...app.config, clients })
  await app.nodes[0]?.reload(app.config)
}

async function eventsOf(app: Running, { claims }: Holder): Promise<string[]> {
  const entries = (await app.nodes[0]?.audit.read(undefined, 10_000)) ?? []
  return entries.filter(({ record }) => record.grantId === claims.gid).map(({ record }) => record.event)
}

async function reasonsOf(app: Running): Promise<(string | undefined)[]> {
  const entries = (await app.nodes[0]?.audit.read(undefined, 10_000)) ?? []
  return entries.map(({ record }) => (record.event === 'keyring.key_compromised' ? 'key_compromised' : record.reason))
}
