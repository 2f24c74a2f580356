/**
 * The kinds of entry, and how each comes about: a token that it will cover, and the call that ends it.
 *
 * Where there is an endpoint it is called over HTTP, and its answer is the moment from which time is counted; the rest
 * is what an operator does, by the door of a node's process.
 */

import { setTimeout as pause } from 'node:timers/promises'

import { decodeProtectedHeader } from 'jose'

import type { Running } from '../../../test/support/start.ts'
import {
  callEndpoint,
  createUserAgent,
  newPkce,
  redeem,
  type Page,
  signIn,
  type UserAgent,
} from '../../../test/support/user-agent.ts'
import type { Child } from '../../kit/child.ts'
import { clientName, type NodeQuestion, ORDERS, SECRET } from './node.ts'

export interface Servers extends Pick<Running, 'issuer' | 'urls'> {
  readonly nodes: readonly Child[]
}

export interface Round {
  readonly token: string
  /** Ends it; gives the moment of the answer, in nanoseconds. */
  readonly end: () => Promise<bigint>
}

export interface Kind {
  readonly name: string
  readonly how: string
  readonly rounds: number
  /** Whether the verifiers' own tokens end too: each round waits until all have come back with others. */
  readonly endsReaders?: boolean
  /** The `index`th round; the nodes take turns. */
  begin(servers: Servers, index: number): Promise<Round>
}

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
const SPA = 'demo-spa'

export const KINDS: readonly Kind[] = [
  {
    name: 'token',
    how: 'POST /revoke, an access token',
    rounds: 100,
    async begin(servers, index) {
      const token = await machineToken(servers, MACHINE)
      return { token, end: () => revoke(servers, index, { token }, MACHINE) }
    },
  },
  {
    name: 'grant',
    how: 'POST /revoke, a refresh token',
    rounds: 100,
    async begin(servers, index) {
      const { accessToken, refreshToken } = await signInAtBrowser(servers, sharedAgent(servers))
      const params = { client_id: SPA, token: refreshToken }
      return { token: accessToken, end: () => revoke(servers, index, params) }
    },
  },
  {
    name: 'session',
    how: 'the person signs out',
    rounds: 30,
    async begin(servers, index) {
      const agent = createUserAgent(servers, { node: () => index % 2 })
      const { accessToken } = await signInAtBrowser(servers, agent)
      const { page } = await agent.follow(await agent.get('/logout'))
      return {
        token: accessToken,
        async end() {
          const answer = await agent.submit(page as Page, '/logout/confirm', { logout: 'yes' })
          return answered(answer.status < 400, answer.status)
        },
      }
    },
  },
  {
    name: 'client',
    how: 'the operator ends a client',
    rounds: 100,
    async begin(servers, index) {
      const clientId = clientName(index)
      const token = await machineToken(servers, { id: clientId, secret: SECRET })
      return { token, end: () => ask(servers.nodes[index % 2], { ask: 'end client', clientId }) }
    },
  },
  {
    name: 'key',
    how: 'keys rotate --compromised',
    rounds: 20,
    async begin(servers, index) {
      const token = await tokenOfGoodKey(servers)
      const keyId = decodeProtectedHeader(token).kid ?? ''
      compromised.add(keyId)
      return { token, end: () => ask(servers.nodes[index % 2], { ask: 'compromise', keyId }) }
    },
  },
  {
    name: 'before',
    how: 'the operator ends everything',
    rounds: 10,
    endsReaders: true,
    async begin(servers, index) {
      const token = await tokenOfGoodKey(servers)
      // Everything of this second and before.
      await pause(1000 - (Date.now() % 1000) + 50)
      const before = Math.floor(Date.now() / 1000)
      return { token, end: () => ask(servers.nodes[index % 2], { ask: 'end everything', before }) }
    },
  },
]

/** A node hears of a new key a moment after it was made; what it signs with the old one until then is refused already. */
async function tokenOfGoodKey(servers: Servers): Promise<string> {
  for (;;) {
    const token = await machineToken(servers, MACHINE)
    if (!compromised.has(decodeProtectedHeader(token).kid ?? '')) return token
    await pause(20)
  }
}

const compromised = new Set<string>()

async function machineToken(
  { urls }: Servers,
  client: { readonly id: string; readonly secret: string },
): Promise<string> {
  const params = { grant_type: 'client_credentials', scope: 'orders:read', resource: ORDERS }
  const { body } = await callEndpoint(`${urls[0] ?? ''}/token`, params, client)
  if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`)
  return body.access_token
}

async function signInAtBrowser(
  servers: Servers,
  agent: UserAgent,
): Promise<Record<'accessToken' | 'refreshToken', string>> {
  const pkce = newPkce()
  const callback = await signIn(agent, pkce)
  const { body } = await redeem(servers.urls[0] ?? '', callback.get('code') ?? '', pkce)
  if (body.access_token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`)
  return { accessToken: body.access_token, refreshToken: body.refresh_token ?? '' }
}

/** One browser stays signed in: a new grant needs no new password. */
const agents = new WeakMap<Servers, UserAgent>()

function sharedAgent(servers: Servers): UserAgent {
  const agent = agents.get(servers) ?? createUserAgent(servers)
  agents.set(servers, agent)
  return agent
}

async function revoke(
  { urls }: Servers,
  index: number,
  params: Record<string, string>,
  client?: { id: string; secret: string },
): Promise<bigint> {
  const { status } = await callEndpoint(`${urls[index % 2] ?? ''}/revoke`, params, client)
  return answered(status === 200, status)
}

function answered(isGood: boolean, status: number): bigint {
  const at = process.hrtime.bigint()
  if (!isGood) throw new Error(`what was to end something was answered with ${status}`)
  return at
}

function ask(node: Child | undefined, question: NodeQuestion): Promise<bigint> {
  if (node === undefined) throw new Error('no such node')
  return node.ask(question)
}
