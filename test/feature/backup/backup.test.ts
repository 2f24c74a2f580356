/**
 * A backup that was taken under load, restored into a store of either kind: everything works or was ended on purpose, and
 * nothing that was revoked comes back.
 */

import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { aHolder, aPerson, type Holder, opensUserinfo, refreshes } from '../../revocation/sign-ins.ts'
import { operateWith } from '../../revocation/operator.ts'
import { skipsWithoutRedis, startRedis } from '../../support/redis.ts'
import { freePort, type Running, start } from '../../support/start.ts'
import { callEndpoint, refresh } from '../../support/user-agent.ts'

vi.setConfig({ testTimeout: 180_000 })

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
const CLOCK_SKEW_MS = 15_000
const EVENTUALLY = { timeout: 30_000, interval: 500 }
const CLIENTS = [{ clientId: 'app' }, { clientId: 'strict', refreshIdempotentSeconds: 0 }]

type Kind = 'SQLite' | 'Redis'

const WAYS = (['SQLite', 'Redis'] as const).flatMap((from) =>
  (['SQLite', 'Redis'] as const).map((to): [Kind, Kind] => [from, to]),
)

describe('a backup', () => {
  it.skipIf(skipsWithoutRedis('a backup')).each(WAYS)(
    '[B11] of %s under load, restored into %s: accounts, clients and keys work, all that was issued is ended',
    async (from, to) => {
      const source = await aPlace(from)
      const before = await serve(source)
      const [living, revokedBefore, revokedAfter] = [
        await aHolder(before),
        await aHolder(before),
        await aHolder(before),
      ]
      await revoke(before, revokedBefore)

      const load = startLoad(before)
      await operated(source, 'backup --to b.gz')
      await load.end()
      const afterwards = await aHolder(before)
      await revoke(before, revokedAfter)
      const kids = await keyIds(before)
      const target = await aPlace(to, source)
      // A restore covers what servers issue whose clocks are ahead. By a clock that is behind by as much, it ends now.
      await operated(target, `restore --from ${source.folder}/b.gz --yes`, () => Date.now() - CLOCK_SKEW_MS)
      await before.close()
      const restored = await serve(target)

      expect(await keyIds(restored)).toEqual(kids)
      for (const holder of [living, revokedBefore, revokedAfter, afterwards]) {
        expect(await opensUserinfo(restored.urls[0] as string, holder.accessToken)).toBe(false)
        expect(await refreshes(restored.urls[0] as string, holder)).toBe(false)
      }
      for (const token of load.tokens) expect(await isActive(restored, token)).toBe(false)
      const again = await vi.waitFor(() => aHolder(restored, { person: living.person }), EVENTUALLY)
      expect(await opensUserinfo(restored.urls[0] as string, again.accessToken)).toBe(true)
      expect(await refreshes(restored.urls[0] as string, again)).toBe(true)
      expect(await isActive(restored, await machineToken(restored))).toBe(true)
      expect(await opensUserinfo(restored.urls[0] as string, living.accessToken)).toBe(false)
    },
  )

  it.skipIf(skipsWithoutRedis('a backup')).each(WAYS)(
    '[B11] of a closed store, moved from %s to %s: what lived lives, what was used or revoked does not',
    async (from, to) => {
      const source = await aPlace(from)
      const before = await serve(source)
      const [living, revoked] = [await aHolder(before), await aHolder(before)]
      const used = await aHolder(before, { clientId: 'strict' })
      const next = await refresh(before.urls[0] as string, used.refreshToken, 'strict')
      await revoke(before, revoked)
      const token = await machineToken(before)
      await before.close()

      await operated(source, 'backup --final --to b.gz')
      const target = await aPlace(to, source)
      await operated(target, `restore --from ${source.folder}/b.gz --keep-grants --yes`)
      const restored = await serve(target)
      const url = restored.urls[0] as string

      expect(await isActive(restored, token)).toBe(true)
      expect(await opensUserinfo(url, living.accessToken)).toBe(true)
      expect(await refreshes(url, living)).toBe(true)
      expect(await opensUserinfo(url, revoked.accessToken)).toBe(false)
      expect(await refreshes(url, revoked)).toBe(false)
      // A used token that comes back ends its family there too.
      expect(await refreshes(url, used)).toBe(false)
      expect(await refreshes(url, { ...used, refreshToken: String(next.body.refresh_token) })).toBe(false)
    },
  )

  it('[B11] restored over a store that is served: the server starts again on it by itself', async () => {
    const place = await aPlace('SQLite')
    const served = await serve(place)
    const person = await aPerson(served)
    const holder = await aHolder(served, { person })
    await operated(place, 'backup --to b.gz')

    await operated(place, 'restore --from b.gz --replace --yes')

    const lost = await served.nodes[0]?.lost
    expect(lost?.kind).toBe('restored')
    expect(served.nodes[0]?.store.status()).toMatchObject({ ready: false })
    expect(await opensUserinfo(served.urls[0] as string, holder.accessToken)).toBe(false)
  })
})

/** A folder with a store and a root key. */
interface Place {
  readonly folder: string
  readonly issuer: string
  readonly redisUrl?: string
}

async function aPlace(kind: Kind, sameAs?: Place): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  if (sameAs !== undefined) await cp(join(sameAs.folder, 'keys'), join(folder, 'keys'), { recursive: true })
  const issuer = sameAs?.issuer ?? `http://localhost:${await freePort()}`
  if (kind === 'SQLite') return { folder, issuer }
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  return { folder, issuer, redisUrl: redis.url }
}

async function serve({ folder, issuer, redisUrl }: Place): Promise<Running> {
  const running = await start({
    clients: CLIENTS,
    ...(redisUrl !== undefined && { redisUrl }),
    config: { issuer, dataDir: folder, keysDir: join(folder, 'keys') },
  })
  onTestFinished(() => running.close())
  return running
}

async function operated({ folder, redisUrl }: Place, line: string, clock: Clock = systemClock): Promise<void> {
  const env = { DATA_DIR: folder, GRANTOR_KEYS_DIR: join(folder, 'keys'), ...(redisUrl && { REDIS_URL: redisUrl }) }
  const said = await operateWith({ ...env, NODE_ENV: 'development' }, folder, line.split(' '), '', clock)
  expect(said).toMatchObject({ code: 0 })
}

async function revoke({ urls }: Running, { refreshToken, clientId }: Holder): Promise<void> {
  expect((await callEndpoint(`${urls[0]}/revoke`, { token: refreshToken, client_id: clientId })).status).toBe(200)
}

/** Sign-ins and machine tokens one after the other, until it is ended. */
function startLoad(running: Running): { readonly tokens: readonly string[]; end(): Promise<void> } {
  const tokens: string[] = []
  let isEnded = false
  const lanes = Array.from({ length: 4 }, async (_, lane) => {
    do tokens.push(lane === 0 ? (await aHolder(running)).accessToken : await machineToken(running))
    while (!isEnded)
  })
  return {
    tokens,
    async end() {
      isEnded = true
      await Promise.all(lanes)
    },
  }
}

async function machineToken({ urls }: Running): Promise<string> {
  const asked = { grant_type: 'client_credentials', scope: 'reports:read', resource: 'https://reports.example' }
  const { status, body } = await callEndpoint(`${urls[0]}/token`, asked, MACHINE)
  expect({ status, body }).toMatchObject({ status: 200 })
  return String(body.access_token)
}

async function isActive({ urls }: Running, token: string): Promise<boolean> {
  const { status, body } = await callEndpoint(`${urls[0]}/introspect`, { token }, MACHINE)
  expect(status).toBe(200)
  return body.active === true
}

async function keyIds({ urls }: Running): Promise<string[]> {
  const { keys } = (await (await fetch(`${urls[0]}/jwks`)).json()) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid).sort()
}
