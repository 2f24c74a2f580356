/**
 * The rows of the bench: what is asked of both servers, and what has to be there before it can be asked.
 *
 * A row's preparation is outside of the measured interval.
 */

import { createHash } from 'node:crypto'

import { drive, type NextRequest, openConnections } from './driver.ts'
import { API_SCOPE, EDDSA_API, ES256_API, OPAQUE_API, REDIRECT_URI, RS256_API } from './configuration.ts'
import { BASIC, bearer, get, machineToken, post, VERIFIER } from './requests.ts'
import type { SignIns } from './sign-ins.ts'
import type { Subject } from './subject.ts'

export const CONNECTIONS = 32

export interface Row {
  readonly name: string
  readonly title: string
  /** Whether an answer takes the store; which target applies depends on it. */
  readonly needsStore: boolean
  /** What an answer contains, if it is the one that was meant to be measured. */
  readonly expects: string
  /** One way of making requests for each connection, for one interval. */
  prepare(subject: Subject): Promise<NextRequest[]>
}

// What can be used once is made for every round; making it takes longer than measuring it. An interval that runs out of
// it ends early, which harms no figure: what is measured is processor time.
const STOCK = 500

export const ROWS: readonly Row[] = [
  machineRow('machine-rs256', 'client_credentials, JWT RS256', RS256_API),
  machineRow('machine-es256', 'client_credentials, JWT ES256', ES256_API),
  machineRow('machine-eddsa', 'client_credentials, JWT EdDSA', EDDSA_API),
  { ...machineRow('machine-opaque', 'client_credentials, opaque', OPAQUE_API), needsStore: true },
  {
    name: 'code',
    title: 'code: JWT ES256, refresh and ID token (RS256)',
    needsStore: true,
    expects: '"id_token"',
    prepare: (subject) => redemptions(subject, { ...SPA, scope: `openid ${API_SCOPE}` }),
  },
  {
    name: 'code-oauth',
    title: 'code: JWT ES256 and refresh token',
    needsStore: true,
    expects: '"refresh_token"',
    prepare: (subject) => redemptions(subject, { ...SPA, scope: API_SCOPE }),
  },
  {
    name: 'refresh',
    title: 'refresh: rotated, JWT ES256 and ID token (RS256)',
    needsStore: true,
    expects: '"id_token"',
    prepare: (subject) => refreshes(subject, `openid offline_access ${API_SCOPE}`),
  },
  {
    name: 'refresh-oauth',
    title: 'refresh: rotated, JWT ES256',
    needsStore: true,
    expects: '"refresh_token"',
    prepare: (subject) => refreshes(subject, `offline_access ${API_SCOPE}`),
  },
  {
    name: 'userinfo',
    title: 'userinfo, token just issued (1)',
    needsStore: true,
    expects: '"email"',
    prepare: async (subject) => usedUp(await userinfoRequests(subject, STOCK)),
  },
  {
    name: 'userinfo-again',
    title: 'userinfo, token seen before (1)',
    needsStore: true,
    expects: '"email"',
    prepare: async (subject) => repeated(await userinfoRequests(subject, CONNECTIONS)),
  },
  {
    name: 'userinfo-opaque',
    title: 'userinfo, opaque token at both',
    needsStore: true,
    expects: '"email"',
    prepare: async (subject) => repeated((await accessTokens(subject, LOGIN, CONNECTIONS)).map(userinfoRequest)),
  },
  introspectionRow('introspection', 'introspection, opaque token, no hint', {}),
  introspectionRow('introspection-hint', 'introspection, opaque token, hint', { token_type_hint: 'access_token' }),
  documentRow('discovery', '/.well-known/openid-configuration', '"token_endpoint"'),
  documentRow('jwks', '/jwks', '"keys"'),
]

const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

type SignIn = Omit<SignIns, 'count' | 'codeChallenge'>

const SPA: SignIn = { clientId: 'bench-spa', scope: `openid ${API_SCOPE}`, resource: ES256_API }
const SPA_PROFILE: SignIn = { ...SPA, scope: `openid profile email ${API_SCOPE}` }
const SPA_OPAQUE: SignIn = { ...SPA, scope: API_SCOPE, resource: OPAQUE_API }
const LOGIN: SignIn = { clientId: 'bench-login', scope: 'openid profile email' }

function machineRow(name: string, title: string, resource: string): Row {
  const request = machineToken(resource)
  return {
    name,
    title,
    needsStore: false,
    expects: '"access_token"',
    prepare: async () => repeated(Array.from({ length: CONNECTIONS }, () => request)),
  }
}

function documentRow(name: string, path: string, expects: string): Row {
  const request = get(path)
  return {
    name,
    title: name,
    needsStore: false,
    expects,
    prepare: async () => repeated(Array.from({ length: CONNECTIONS }, () => request)),
  }
}

function introspectionRow(name: string, title: string, hint: Record<string, string>): Row {
  return {
    name,
    title,
    needsStore: true,
    expects: '"active":true',
    async prepare(subject) {
      const tokens = await accessTokens(subject, SPA_OPAQUE, CONNECTIONS)
      return repeated(tokens.map((token) => post('/introspect', { token, ...hint }, BASIC)))
    },
  }
}

async function redemptions(subject: Subject, signIn: SignIn): Promise<NextRequest[]> {
  const codes = await subject.codes({ ...signIn, codeChallenge: CHALLENGE, count: STOCK })
  return usedUp(codes.map((code) => redemption(signIn.clientId, code)))
}

/** A chain for each connection: every token is used once, and its successor next. */
async function refreshes(subject: Subject, scope: string): Promise<NextRequest[]> {
  const signIn = { ...SPA, scope }
  const answers = await redeem(subject, signIn, CONNECTIONS)
  return answers.map((first) => (last) => {
    const token = member(last?.body ?? first, 'refresh_token')
    return post('/token', { grant_type: 'refresh_token', client_id: signIn.clientId, refresh_token: token })
  })
}

/** (1): Grantor's access tokens are JWTs, which it verifies; the engine takes none here, so it gets opaque ones. */
async function userinfoRequests(subject: Subject, count: number): Promise<Buffer[]> {
  const signIn = subject.kind === 'grantor' ? SPA_PROFILE : LOGIN
  return (await accessTokens(subject, signIn, count)).map(userinfoRequest)
}

function userinfoRequest(token: string): Buffer {
  return get('/userinfo', bearer(token))
}

async function accessTokens(subject: Subject, signIn: SignIn, count: number): Promise<string[]> {
  return (await redeem(subject, signIn, count)).map((body) => member(body, 'access_token'))
}

/** The answers to so many redemptions. */
async function redeem(subject: Subject, signIn: SignIn, count: number): Promise<string[]> {
  const codes = await subject.codes({ ...signIn, codeChallenge: CHALLENGE, count })
  const answers: string[] = []
  const connections = await openConnections(
    subject.port,
    usedUp(
      codes.map((code) => redemption(signIn.clientId, code)),
      (body) => answers.push(body),
    ),
  )
  await drive(connections, Number.POSITIVE_INFINITY)
  for (const connection of connections) connection.close()
  return answers
}

function redemption(clientId: string, code: string): Buffer {
  return post('/token', {
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code,
    code_verifier: VERIFIER,
  })
}

/** Each connection sends its own request again and again. */
function repeated(requests: readonly Buffer[]): NextRequest[] {
  return requests.map((request) => () => request)
}

/** All connections draw from one stock. */
function usedUp(stock: readonly Buffer[], onAnswer?: (body: string) => void): NextRequest[] {
  const left = [...stock]
  return Array.from({ length: CONNECTIONS }, () => (last) => {
    if (last !== undefined) onAnswer?.(last.body)
    return left.pop()
  })
}

function member(body: string, name: string): string {
  const value = (JSON.parse(body) as Record<string, unknown>)[name]
  if (typeof value !== 'string') throw new Error(`no ${name} in ${body}`)
  return value
}
