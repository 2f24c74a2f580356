/**
 * What the interleavings run on: two nodes on one store, and workers who each have a person's browser session, a client
 * and two verifiers, one at each node, whose networks can be cut.
 */

import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

import { decodeJwt, decodeProtectedHeader } from 'jose'

import { type App, startApp } from '../../src/app.ts'
import { createLog } from '../../src/audit/log.ts'
import { createVerifier, type Verifier } from '../../src/resource/index.ts'
import type { RevocationOptions } from '../../src/resource/revocations/revocation-feed.ts'
import { type Running, start } from '../support/start.ts'
import {
  callEndpoint,
  createUserAgent,
  newPkce,
  redeem,
  signIn,
  type TokenAnswer,
  type UserAgent,
} from '../support/user-agent.ts'
import { ORDERS, READER } from './feed-fixture.ts'

export interface Fixture {
  readonly app: Running
  readonly nodes: readonly App[]
  /** Keys that were said to be compromised, from when that was acknowledged. */
  readonly compromised: Set<string>
  /** How often a node was stopped and started, or a key has changed: verifiers need a moment after it. */
  disturbances: number
  /** A node may be away: it is then asked again, or the other. */
  call(path: string, params: Record<string, string>): Promise<TokenAnswer>
  /** Stops a node and starts it again at the same address. */
  restart(index: number): Promise<void>
  close(): Promise<void>
}

/** One verifier, the network to it, and its own idea of the time. */
export interface Remote {
  readonly verifier: Verifier
  readonly name: string
  isCut: boolean
  /** How often its connection has come or gone; odd while it has one. A node that was restarted breaks it too. */
  turns: number
  cut(): void
  mend(): void
  /** Moves its clock; 0 sets it right. */
  aheadSeconds: number
}

export interface Token {
  readonly text: string
  readonly jti: string
  readonly kid: string
  readonly sid: unknown
}

export async function startFixture(): Promise<Fixture> {
  const app = await start({
    nodes: 2,
    clients: [{ clientId: 'demo-spa', refreshIdempotentSeconds: 0 }],
    config: { logins: LOGINS },
  })
  const nodes = [...app.nodes]
  const addresses = app.urls
  let restarting = Promise.resolve()

  async function restartNode(index: number): Promise<void> {
    fixture.disturbances += 1
    await nodes[index]?.close()
    const port = Number(new URL(addresses[index] ?? '').port)
    nodes[index] = await startApp({ ...app.config, port }, { log: createLog({ level: 'silent' }) })
    fixture.disturbances += 1
  }

  const fixture: Fixture = {
    app,
    nodes,
    compromised: new Set(),
    disturbances: 0,

    async call(path, params) {
      for (let attempt = 0; ; attempt++) {
        try {
          return await callEndpoint(`${addresses[attempt % 2] ?? ''}${path}`, params)
        } catch (error) {
          // The connection broke, so the node is on its way down. The other one is up.
          if (attempt > 20) throw error
          await pause(attempt * 10)
        }
      }
    },

    restart(index) {
      // One after the other, so that one node is always up.
      restarting = restarting.then(() => restartNode(index))
      return restarting
    },

    async close() {
      await Promise.all(nodes.map((node) => node.close()))
      await app.close()
    },
  }
  return fixture
}

/** One person at forty browsers signs in more often than people do. */
const LOGINS = {
  attemptsPerAccount: 1_000_000,
  attemptsPerAddress: 1_000_000,
  attemptsPerNetwork: 10_000,
  windowSeconds: 300,
  concurrentHashes: 2,
  waitingHashes: 100,
}

export function connect({ app }: Fixture, node: number): Remote {
  let connections = new AbortController()
  const remote: Remote = {
    name: `the verifier at node ${node}`,
    isCut: false,
    turns: 0,
    aheadSeconds: 0,
    cut() {
      remote.isCut = true
      connections.abort()
      connections = new AbortController()
    },
    mend() {
      remote.isCut = false
    },
    verifier: createVerifier({
      issuer: app.issuer,
      audience: ORDERS,
      clock: () => Date.now() + remote.aheadSeconds * 1000,
      async fetch(input, init) {
        if (remote.isCut) throw new TypeError('the network is cut')
        const { pathname, search } = new URL(input instanceof Request ? input.url : input)
        const signal = AbortSignal.any([connections.signal, ...(init?.signal ? [init.signal] : [])])
        return fetch(`${app.urls[node] ?? ''}${pathname}${search}`, { ...init, signal })
      },
      revocations: {
        ...{ ...READER, whenSilent: 'refuse', silentAfterSeconds: SILENT_SECONDS },
        onFeed({ type }) {
          if (type === 'connected') remote.turns += remote.turns % 2 === 0 ? 1 : 0
          if (type === 'disconnected') remote.turns += remote.turns % 2 === 1 ? 1 : 0
        },
      } as RevocationOptions,
    }),
  }
  return remote
}

export const SILENT_SECONDS = 30

interface Account {
  readonly login: string
  readonly password: string
}

/** A new person: a person with many recent endings gets no valid tokens for a while. */
export async function newPerson(fixture: Fixture, node: App): Promise<Person> {
  const account = { login: `${randomUUID()}@example.com`, password: 'a white rabbit with a watch' }
  await node.accounts.createAccount({ ...account, claims: {} })
  return new Person(fixture, account)
}

/** A person at a browser, and an application of theirs. */
export class Person {
  readonly #fixture: Fixture
  readonly #account: Account
  #agent: UserAgent

  constructor(fixture: Fixture, account: Account) {
    this.#fixture = fixture
    this.#account = account
    this.#agent = createUserAgent(fixture.app)
  }

  /** A new family: an access token and a refresh token. Signs in where that is needed. */
  async begin(scope: string): Promise<{ token: Token; refreshToken: string }> {
    const pkce = newPkce()
    const options = {
      account: this.#account,
      scope,
      params: scope.includes('offline_access') ? { prompt: 'consent' } : {},
    }
    const callback = await signIn(this.#agent, pkce, options)
    const { body } = await redeem(this.#fixture.app.urls[0] ?? '', callback.get('code') ?? '', pkce, options)
    if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)} for ${callback.toString()}`)
    return { token: tokenOf(body.access_token), refreshToken: body.refresh_token ?? '' }
  }

  /** Resolves when the server has said that the session is over. */
  async signOut(): Promise<void> {
    const { page } = await this.#agent.follow(await this.#agent.get('/logout'))
    if (page === undefined) throw new Error('the server did not ask')
    await this.#agent.follow(await this.#agent.submit(page, '/logout/confirm', { logout: 'yes' }))
    this.forget()
  }

  /** Another browser. */
  forget(): void {
    this.#agent = createUserAgent(this.#fixture.app)
  }
}

export function tokenOf(text: string): Token {
  const { jti = '', sid } = decodeJwt(text)
  return { text, jti, kid: decodeProtectedHeader(text).kid ?? '', sid }
}
