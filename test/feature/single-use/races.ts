/**
 * The races, each as it is run: many callers, two nodes, one thing that may be used once.
 *
 * They know nothing of the server they are run against, so that races.test.ts can run them against ours, on every
 * store, and races-textbook.test.ts against an adapter that loses them.
 */

import { randomUUID } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'

import {
  authorizationUrl,
  callEndpoint,
  createUserAgent,
  newPkce,
  type Pkce,
  redeem,
  refresh,
  type SignInOptions,
  signIn,
  type TokenAnswer,
  type UserAgent,
} from '../../support/user-agent.ts'

export const ROUNDS = 20
/** For what has no number of rounds to keep. */
export const FEWER_ROUNDS = 8
const CALLERS = 16

/** Two nodes that are one issuer. */
export interface Nodes {
  readonly issuer: string
  readonly urls: readonly string[]
}

const REDIRECT_URI = 'http://localhost:4999/callback'
const CODE_CLIENT = {
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [REDIRECT_URI],
}
/** One application for each tab of a browser. */
export const TAB_CLIENTS = Array.from({ length: CALLERS }, (_, tab) => `race-tab-${tab}`)
const ASSERTION_CLIENT = 'race-machine'

/** The clients, as OpenID Connect client metadata. `race-strict` is to have no idempotent window. */
export async function raceClients() {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig', kid: 'race-key' }
  const codeClients = ['race-one', 'race-two', 'race-strict', ...TAB_CLIENTS].map((client_id) => ({
    client_id,
    ...CODE_CLIENT,
  }))
  const machine = {
    client_id: ASSERTION_CLIENT,
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['client_credentials'],
    redirect_uris: [] as string[],
    jwks: { keys: [jwk] },
  }
  return { codeClients, machine, privateKey }
}

function options(clientId: string): SignInOptions {
  return { clientId, redirectUri: REDIRECT_URI, scope: 'openid' }
}

/** Signs in as this client; in a browser that is signed in, nothing is asked. */
export async function obtainCode(agent: UserAgent, clientId = 'race-one'): Promise<{ code: string; pkce: Pkce }> {
  const pkce = newPkce()
  const callback = await signIn(agent, pkce, options(clientId))
  const code = callback.get('code')
  if (code === null) throw new Error(`no code: ${callback.toString()}`)
  return { code, pkce }
}

export async function obtainRefreshToken(nodes: Nodes, agent: UserAgent, clientId = 'race-one'): Promise<string> {
  const { code, pkce } = await obtainCode(agent, clientId)
  const { body } = await redeem(nodes.urls[0] as string, code, pkce, options(clientId))
  if (body.refresh_token === undefined) throw new Error(`no refresh token: ${JSON.stringify(body)}`)
  return body.refresh_token
}

/** Sixteen calls that leave together, every other one to the other node. */
function atOnce<T>({ urls }: Nodes, call: (url: string) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(urls[caller % urls.length] as string)))
}

/** What the callers of one round were answered. */
export interface Round {
  readonly won: readonly TokenAnswer[]
  /** `status error` of all others, each once. */
  readonly refusals: readonly string[]
}

function toRound(answers: readonly TokenAnswer[]): Round {
  const refused = answers.filter(({ status }) => status !== 200)
  return {
    won: answers.filter(({ status }) => status === 200),
    refusals: [...new Set(refused.map(({ status, body }) => `${status} ${body.error}`))],
  }
}

export async function raceForCode(nodes: Nodes, agent: UserAgent): Promise<Round> {
  const { code, pkce } = await obtainCode(agent)
  return toRound(await atOnce(nodes, (url) => redeem(url, code, pkce, options('race-one'))))
}

export async function raceForAssertion(nodes: Nodes, privateKey: CryptoKey): Promise<Round> {
  const form = machineForm(await newAssertion(nodes, privateKey))
  return toRound(await atOnce(nodes, (url) => callEndpoint(`${url}/token`, form)))
}

function newAssertion(nodes: Nodes, privateKey: CryptoKey): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: 'race-key' })
    .setIssuer(ASSERTION_CLIENT)
    .setSubject(ASSERTION_CLIENT)
    .setAudience(nodes.issuer)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(privateKey)
}

function machineForm(client_assertion: string): Record<string, string> {
  return {
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion,
  }
}

/** One DPoP proof, sent by sixteen callers who are all good clients. */
export async function raceForProof(nodes: Nodes, privateKey: CryptoKey): Promise<Round> {
  const key = await generateKeyPair('ES256')
  const dpop = await new SignJWT({ htm: 'POST', htu: `${nodes.issuer}/token`, jti: randomUUID() })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: await exportJWK(key.publicKey) })
    .setIssuedAt()
    .sign(key.privateKey)
  const assertions = await Promise.all(Array.from({ length: CALLERS }, () => newAssertion(nodes, privateKey)))
  const call = (url: string) => callEndpoint(`${url}/token`, machineForm(assertions.pop() ?? ''), undefined, { dpop })
  return toRound(await atOnce(nodes, call))
}

export async function raceForRefresh(nodes: Nodes, refreshToken: string, clientId = 'race-one'): Promise<Round> {
  return toRound(await atOnce(nodes, (url) => refresh(url, refreshToken, clientId)))
}

export function refreshTokensOf({ won }: Round): string[] {
  return [...new Set(won.map(({ body }) => String(body.refresh_token)))]
}

/** Sixteen tabs of one browser, which is signed in, open the same pushed request; how many come back with a code. */
export async function raceForPushedRequest(nodes: Nodes, agent: UserAgent): Promise<number> {
  const request = new URL(authorizationUrl(newPkce(), options('race-one')), nodes.issuer)
  const pushed = await callEndpoint(`${nodes.urls[0]}/par`, Object.fromEntries(request.searchParams))
  const address = `/authorize?${new URLSearchParams({ client_id: 'race-one', request_uri: String(pushed.body.request_uri) }).toString()}`
  const tabs = Array.from({ length: CALLERS }, (_, tab) => copyOf(agent, nodes, tab % nodes.urls.length))
  const answers = await Promise.all(tabs.map((tab) => tab.get(address)))
  return answers.filter((answer) => answer.headers.get('location')?.includes('code=')).length
}

/** Sixteen refreshes while the application revokes the token; what they were given, tried after the revocation's answer. */
export async function raceAgainstRevocation(nodes: Nodes, refreshToken: string): Promise<string[]> {
  const revocation = callEndpoint(`${nodes.urls[0]}/revoke`, { client_id: 'race-one', token: refreshToken })
  const round = await raceForRefresh(nodes, refreshToken)
  if ((await revocation).status !== 200) throw new Error('not revoked')
  const after = [refreshToken, ...refreshTokensOf(round)].map((token) =>
    refresh(nodes.urls[1] as string, token, 'race-one'),
  )
  return (await Promise.all(after)).map(({ body }) => body.error ?? 'refreshed')
}

/** The same browser, sent to another node. */
export function copyOf(agent: Pick<UserAgent, 'cookies'>, nodes: Nodes, node: number): UserAgent {
  const copy = createUserAgent(nodes, { node: () => node })
  for (const [name, value] of agent.cookies) copy.cookies.set(name, value)
  return copy
}

/** Applications send one browser, which is signed in, at the same moment; the answers to their codes. */
export async function raceForSession(
  nodes: Nodes,
  clientIds: readonly string[] = ['race-one', 'race-two'],
): Promise<number[]> {
  let requests = 0
  const agent = createUserAgent(nodes, { node: () => requests++ % nodes.urls.length })
  await obtainCode(agent, 'race-strict')
  const codes = await Promise.all(
    clientIds.map(async (clientId) => ({ clientId, ...(await obtainCode(agent, clientId)) })),
  )
  const answers = await Promise.all(
    codes.map(({ clientId, code, pkce }, index) =>
      redeem(nodes.urls[index % nodes.urls.length] as string, code, pkce, options(clientId)),
    ),
  )
  return answers.map(({ status }) => status)
}

/** Ends the session of this browser through one node: the page that asks, and the answer yes. */
export async function logOut(agent: UserAgent): Promise<void> {
  const { page } = await agent.follow(await agent.get('/logout'))
  if (page === undefined) throw new Error('no logout page')
  await agent.submit(page, '/logout/confirm', { logout: 'yes' })
}

/** What each node answers to a browser with these cookies when nothing may be asked: `login_required`, or a code. */
export async function sessionStates(nodes: Nodes, cookies: UserAgent['cookies']): Promise<string[]> {
  return Promise.all(
    nodes.urls.map(async (_url, node) => {
      const agent = copyOf({ cookies }, nodes, node)
      const { left } = await agent.follow(await agent.get(silentRequest('race-one')))
      return left?.searchParams.get('error') ?? 'signed in'
    }),
  )
}

export function silentRequest(clientId: string): string {
  return authorizationUrl(newPkce(), { ...options(clientId), params: { prompt: 'none' } })
}
