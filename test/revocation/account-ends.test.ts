import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { startApp } from '../../src/app.ts'
import { createLog } from '../../src/audit/log.ts'
import { createKeyedHash } from '../../src/base/keyed-hash.ts'
import { keys } from '../../src/store/keys.ts'
import { type Running, start } from '../support/start.ts'
import { authorizationUrl, createUserAgent, newPkce, type UserAgent } from '../support/user-agent.ts'
import { aHolder, aPerson, claimsOf, type Holder, opensUserinfo, REDIRECT_URI, refreshes } from './sign-ins.ts'
import { within } from '../support/figures.ts'

const SOON = within(1000, 20)

let app: Running
beforeAll(async () => {
  app = await start({ nodes: 2, clients: [{ clientId: 'app' }, { clientId: 'second' }, { clientId: 'leaving' }] })
})
afterAll(() => app.close())

describe('a person whose account is disabled, or who is given another password', () => {
  const ways: [name: string, end: (id: string) => Promise<unknown> | undefined][] = [
    ['disabled', (id) => app.nodes[0]?.accountAccess.disable(id)],
    ['of another password', (id) => app.nodes[0]?.accountAccess.setPassword(id, 'another good passphrase')],
    ['removed', (id) => app.nodes[0]?.accountAccess.remove(id)],
  ]

  it.each(ways)('[S112] is signed out of every browser on every node: %s', async (_, end) => {
    const person = await aPerson(app)
    const holders = await Promise.all([aHolder(app, { person }), aHolder(app, { person, clientId: 'second' })])

    await end(person.id)

    for (const { agent } of holders) for (const node of [0, 1]) expect(await isSignedIn(agent, node)).toBe(false)
    for (const holder of holders) for (const url of app.urls) expect(await refreshes(url, holder)).toBe(false)
    expect(await app.nodes[0]?.store.members(keys.accountGrants(person.id))).toEqual([])
    expect(await app.nodes[0]?.store.members(keys.accountSessions(person.id))).toEqual([])
  })

  it('[F4] [S112] is not signed in by a sign-in that was under way, not even when the account is enabled again', async () => {
    let accepted = 0
    // Whether the password is accepted before the account is disabled is a matter of moments: until it was, at least once.
    for (let round = 0; round < 4 || (accepted === 0 && round < 30); round++) {
      const person = await aPerson(app)
      const agent = createUserAgent(app, { node: () => round % 2 })
      const { page } = await agent.follow(await agent.get(request('app')))
      if (page === undefined) throw new Error('no login page')

      const signingIn = agent.submit(page, '/login', { login: person.login, password: person.password })
      const isUnderWay = await untilPasswordIsChecked(person.login, signingIn)
      await app.nodes[1]?.accountAccess.disable(person.id)
      await app.nodes[1]?.accounts.enable(person.id)
      const answer = await signingIn
      await nextSecond()

      // The correct password, read before it ended; still the sign-in does not count.
      if (isUnderWay && answer.status === 303) accepted++
      await agent.follow(answer)
      expect(await isSignedIn(agent, 0)).toBe(false)
      expect(await isSignedIn(agent, 1)).toBe(false)
    }
    expect(accepted).toBeGreaterThan(0)
  })

  it('can sign in again from the next second on', async () => {
    const person = await aPerson(app)
    await app.nodes[0]?.accountAccess.setPassword(person.id, 'another good passphrase')

    const again = { ...person, password: 'another good passphrase' }
    const holder = await vi.waitFor(() => aHolder(app, { person: again }), within(5000, 300))

    expect(await opensUserinfo(app.urls[1] as string, holder.accessToken)).toBe(true)
  })
})

describe('a client that is removed and comes back', () => {
  it('[S66] gets nothing with what it held before, and its people are asked again', async () => {
    const holder = await aHolder(app, { clientId: 'leaving' })
    const config = { ...app.config, port: 0 }
    const without = config.clients.filter(({ clientId }) => clientId !== 'leaving')
    const log = createLog({ level: 'silent' })

    await (await startApp({ ...config, clients: without }, { log })).close()
    const back = await startApp(config, { log })
    try {
      for (const url of [...app.urls, back.url]) {
        await vi.waitFor(async () => expect(await refreshes(url, holder)).toBe(false), SOON)
        expect(await opensUserinfo(url, holder.accessToken)).toBe(false)
      }
      expect(await app.nodes[0]?.store.get(keys.consent(holder.person.id, 'leaving'))).toBeDefined()
      const { page } = await holder.agent.follow(await holder.agent.get(request('leaving')))
      expect(page?.html).toContain('/consent')
    } finally {
      await back.close()
    }
  })
})

describe('consent that is withdrawn', () => {
  it('[S132] ends what it allowed in every browser, and is asked again', async () => {
    const person = await aPerson(app)
    const holders = await Promise.all([aHolder(app, { person }), aHolder(app, { person, offline: true })])
    const other = await aHolder(app, { person, clientId: 'second' })

    await app.nodes[0]?.revocation.endConsent(person.id, 'app')

    for (const holder of holders) {
      for (const url of app.urls) {
        expect(await refreshes(url, holder)).toBe(false)
        expect(await opensUserinfo(url, holder.accessToken)).toBe(false)
      }
      const { page } = await holder.agent.follow(await holder.agent.get(request('app')))
      expect(page?.html).toContain('/consent')
    }
    expect(await refreshes(app.urls[1] as string, other)).toBe(true)
  })

  it('[F4] is asked again also where a grant was being made of it', async () => {
    const person = await aPerson(app)
    await aHolder(app, { person })
    const { store, revocation } = app.nodes[0] ?? {}
    if (store === undefined || revocation === undefined) throw new Error('no node')
    const agent = createUserAgent(app)
    const { page } = await agent.follow(await agent.get(request('app')))
    if (page === undefined) throw new Error('no login page')
    // After the consent was read, and before the grant is stored that is made of it.
    let withdrawn = false
    const put = vi.spyOn(store, 'put')
    put.mockImplementation(async (key, ...rest) => {
      if (key.startsWith('grant:')) {
        put.mockRestore()
        await revocation.endConsent(person.id, 'app')
        withdrawn = true
      }
      return Reflect.apply(Object.getPrototypeOf(store).put as typeof store.put, store, [key, ...rest])
    })

    const sent = await agent.submit(page, '/login', { login: person.login, password: person.password })
    const arrival = await agent.follow(sent)

    expect(arrival.left).toBeUndefined()
    expect(arrival.page?.html).toContain('/consent')
    expect(withdrawn).toBe(true)
  })
})

describe('what a JWT says of where it ends', () => {
  it('names the grant always, and the session only when it ends with it', async () => {
    const person = await aPerson(app)
    const bound = await aHolder(app, { person })
    const offline = await aHolder(app, { person, offline: true })

    expect(bound.claims).toMatchObject({ gid: expect.any(String), sid: expect.stringMatching(/^[\w-]{22}$/) })
    expect(offline.claims).toHaveProperty('gid')
    expect(offline.claims).not.toHaveProperty('sid')
    expect(claimsOf(bound.accessToken).sid).not.toBe(await sessionUid(bound))
  })

  it('[S136] a logout names the session once and leaves what was granted for offline access', async () => {
    const person = await aPerson(app)
    const bound = await aHolder(app, { person })
    const offline = await aHolder(app, { person, agent: bound.agent, clientId: 'second', offline: true })
    const { page } = await bound.agent.follow(await bound.agent.get('/logout'))
    if (page === undefined) throw new Error('no page')

    await bound.agent.submit(page, '/logout/confirm', { logout: 'yes' })

    expect(await opensUserinfo(app.urls[0] as string, bound.accessToken)).toBe(false)
    expect(await opensUserinfo(app.urls[0] as string, offline.accessToken)).toBe(true)
    expect([await refreshes(app.urls[1] as string, bound), await refreshes(app.urls[1] as string, offline)]).toEqual([
      false,
      true,
    ])
  })
})

function request(clientId: string, params: Record<string, string> = {}): string {
  return authorizationUrl(newPkce(), { clientId, redirectUri: REDIRECT_URI, scope: 'openid', params })
}

async function isSignedIn(agent: UserAgent, node: number): Promise<boolean> {
  const other = createUserAgent(app, { node: () => node })
  for (const [name, value] of agent.cookies) other.cookies.set(name, value)
  const answer = await other.get(request('app', { prompt: 'none' }))
  const error = new URL(answer.headers.get('location') ?? '', app.issuer).searchParams.get('error')
  return error !== 'login_required'
}

/**
 * The attempt is counted, then the account is read, then its password is checked, which takes far longer than both.
 * `false` when the answer was there before the counter was seen.
 */
async function untilPasswordIsChecked(login: string, signingIn: Promise<unknown>): Promise<boolean> {
  const { storeKey } = app.nodes[0]?.keyring.current() ?? {}
  const counter = keys.limit('login-account', createKeyedHash(storeKey as Uint8Array, 'limits')(login))
  let answered = false
  void signingIn.then(() => {
    answered = true
  })
  while (!answered && (await app.nodes[0]?.store.get(counter)) === undefined) await nextTurn()
  for (let turns = 0; turns < 20; turns++) await nextTurn()
  return !answered
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function nextSecond(): Promise<void> {
  const second = () => Math.floor(Date.now() / 1000)
  const began = second()
  await vi.waitFor(() => expect(second()).toBeGreaterThan(began), within(2000, 20))
}

async function sessionUid({ person }: Holder): Promise<string | undefined> {
  return (await app.nodes[0]?.store.members(keys.accountSessions(person.id)))?.[0]
}
