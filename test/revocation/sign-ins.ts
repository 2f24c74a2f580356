/** People who are signed in, with what their application holds; and what of it still works, on any node. */

import { logs } from '../../src/store/keys.ts'
import type { Running } from '../support/start.ts'
import {
  createUserAgent,
  newPkce,
  redeem,
  refresh,
  type SignInOptions,
  signIn,
  type UserAgent,
} from '../support/user-agent.ts'

export const REDIRECT_URI = 'http://localhost:4999/callback'
export const PASSWORD = 'a white rabbit with a watch'

export interface Person {
  readonly id: string
  readonly login: string
  readonly password: string
}

export interface Holder {
  readonly clientId: string
  readonly person: Person
  readonly agent: UserAgent
  readonly code: string
  readonly pkce: ReturnType<typeof newPkce>
  /** A JWT, good at userinfo too. */
  readonly accessToken: string
  readonly refreshToken: string
  readonly claims: Readonly<Record<string, string>>
}

let people = 0

export async function aPerson(app: Running): Promise<Person> {
  const login = `person-${++people}@example.com`
  const account = await app.nodes[0]?.accounts.createAccount({ login, password: PASSWORD, claims: {} })
  return { id: account?.id ?? '', login, password: PASSWORD }
}

export interface HolderOptions {
  readonly clientId?: string
  readonly person?: Person
  readonly agent?: UserAgent
  /** Asks for what outlives the session. */
  readonly offline?: boolean
}

/** Signs in at the first node and redeems the code there. */
export async function aHolder(app: Running, options: HolderOptions = {}): Promise<Holder> {
  const { clientId = 'app', person = await aPerson(app), agent = createUserAgent(app), offline = false } = options
  const pkce = newPkce()
  const request: SignInOptions = {
    ...{ clientId, redirectUri: REDIRECT_URI, account: person },
    scope: offline ? 'openid offline_access orders:read' : 'openid orders:read',
    params: offline ? { prompt: 'consent' } : {},
  }
  const code = (await signIn(agent, pkce, request)).get('code') ?? ''
  const { status, body } = await redeem(app.urls[0] as string, code, pkce, request)
  if (status !== 200) throw new Error(`no tokens: ${JSON.stringify(body)}`)
  const accessToken = String(body.access_token)
  return {
    ...{ clientId, person, agent, code, pkce, accessToken },
    refreshToken: String(body.refresh_token),
    claims: claimsOf(accessToken),
  }
}

export function claimsOf(jwt: string): Record<string, string> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, string>
}

export async function opensUserinfo(url: string, accessToken: string): Promise<boolean> {
  const { status } = await fetch(`${url}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })
  return status === 200
}

export async function refreshes(url: string, { refreshToken, clientId }: Holder): Promise<boolean> {
  const { status } = await refresh(url, refreshToken, clientId)
  return status === 200
}

/** What stands in the revocation log, without when. */
export async function entriesOf(app: Running): Promise<Record<string, unknown>[]> {
  const entries = (await app.nodes[0]?.store.read(logs.revocations, undefined, 100_000)) ?? []
  return entries.map(({ value }) => {
    const { at: _at, exp: _exp, of: _of, ...named } = JSON.parse(value) as Record<string, unknown>
    return named
  })
}
