/** Everything that a server does with secrets, once each; every secret that goes in or comes out is planted. */

import { randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

import { hashHandle } from '../../../src/base/sealing.ts'
import { type Running, type StartOptions, start } from '../../support/start.ts'
import {
  authorizationUrl,
  callEndpoint,
  createUserAgent,
  newPkce,
  type Page,
  type SignInOptions,
  type TokenAnswer,
  type UserAgent,
} from '../../support/user-agent.ts'
import type { Canaries } from '../../support/canaries.ts'

const REDIRECT_URI = 'http://localhost:4999/callback'
const OPAQUE_API = 'https://opaque.example'
const LOGIN = 'carol@example.com'

type FullRun = Running & { readonly canaries: Canaries; readonly log: string[] }

/** A server that has done it all. */
export async function fullRun(canaries: Canaries, options: StartOptions = {}): Promise<FullRun> {
  const log: string[] = []
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const web = { id: 'canary-web', secret: canaries.plant('client secret', unique('client-secret')) }
  const api = { 'https://orders.example': ['orders:read'], [OPAQUE_API]: ['test:read'] }
  const app = await start({
    ...options,
    onLog: (line) => log.push(line),
    apis: [{ audience: OPAQUE_API, tokenFormat: 'opaque', introspectedBy: [web.id] }],
    clients: [
      {
        clientId: web.id,
        authMethod: 'client_secret_basic',
        secretHash: hashHandle(web.secret),
        refreshRotation: 'always',
        apis: api,
        postLogoutRedirectUris: [`${REDIRECT_URI}/bye`],
      },
      {
        clientId: 'canary-machine',
        authMethod: 'private_key_jwt',
        jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'canary' }] },
        grantTypes: ['client_credentials'],
        redirectUris: [],
        scopes: [],
        apis: api,
      },
    ],
  })
  const password = canaries.plant('password', unique('password'))
  await app.nodes[0]?.accounts.createAccount({ login: LOGIN, password, claims: { name: 'Carol' } })
  const run = { app, canaries, web, password }

  await signInAndOut(run)
  await opaqueTokens(run)
  await mistakes(run)
  await assertion(run, privateKey)
  return { ...app, canaries, log }
}

interface Run {
  readonly app: Running
  readonly canaries: Canaries
  readonly web: { readonly id: string; readonly secret: string }
  readonly password: string
}

/** PAR, failed and right password, consent, code, userinfo, refresh, reuse, logout. */
async function signInAndOut(run: Run): Promise<void> {
  const { app, web } = run
  const agent = watched(run)
  const { code, verifier } = await obtainCode(run, agent, { pushed: true })
  const first = await token(run, { grant_type: 'authorization_code', code, code_verifier: verifier, ...TO })
  await fetch(`${app.issuer}/userinfo`, { headers: { authorization: `Bearer ${first.body.access_token}` } })
  const second = await token(run, { grant_type: 'refresh_token', refresh_token: first.body.refresh_token ?? '' })
  await token(run, { grant_type: 'refresh_token', refresh_token: first.body.refresh_token ?? '' })
  await callEndpoint(`${app.issuer}/introspect`, { token: second.body.refresh_token ?? '' }, web)
  await callEndpoint(`${app.issuer}/introspect`, { token: second.body.access_token ?? '' }, web)
  await token(run, { grant_type: 'authorization_code', code, code_verifier: verifier, ...TO })

  const query = new URLSearchParams({
    id_token_hint: first.body.id_token ?? '',
    post_logout_redirect_uri: `${REDIRECT_URI}/bye`,
    state: run.canaries.plant('logout state', unique('logout-state')),
  })
  const { page } = await agent.follow(await agent.get(`/logout?${query.toString()}`))
  if (page === undefined) throw new Error('no logout page')
  plantForms(run, page)
  await agent.submit(page, '/logout/confirm', { logout: 'yes' })
}

const TO = { redirect_uri: REDIRECT_URI }

/** Opaque tokens of a person, looked at by their API and revoked; and a refresh token that is revoked. */
async function opaqueTokens(run: Run): Promise<void> {
  const { app, web } = run
  const { code, verifier } = await obtainCode(run, watched(run), { scope: 'openid test:read', resource: OPAQUE_API })
  const { body } = await token(run, { grant_type: 'authorization_code', code, code_verifier: verifier, ...TO })
  await callEndpoint(`${app.issuer}/introspect`, { token: body.access_token ?? '' }, web)
  await callEndpoint(`${app.issuer}/revoke`, { token: body.access_token ?? '' }, web)
  await callEndpoint(`${app.issuer}/revoke`, { token: body.refresh_token ?? '' }, web)
}

/** What fails on the way: wrong verifier, wrong secret, things in the wrong place. */
async function mistakes(run: Run): Promise<void> {
  const { app, web, canaries } = run
  const { code } = await obtainCode(run, watched(run))
  const wrongVerifier = canaries.plant('wrong code verifier', newPkce().verifier)
  await token(run, { grant_type: 'authorization_code', code, code_verifier: wrongVerifier, ...TO })
  const wrongSecret = canaries.plant('wrong client secret', unique('wrong-secret'))
  await callEndpoint(`${app.issuer}/token`, { grant_type: 'client_credentials' }, { ...web, secret: wrongSecret })
  const unknown = canaries.plant('unknown refresh token', `r${randomBytes(34).toString('base64url').slice(0, 45)}`)
  await token(run, { grant_type: 'refresh_token', refresh_token: unknown })
  await addressOfAnother(run)
  // A secret in a URL is the client's mistake; we need not repeat it.
  const inUrl = canaries.plant('token in a URL', unique('token-in-url'))
  await fetch(`${app.issuer}/userinfo?access_token=${inUrl}`)
  await fetch(`${app.issuer}/nothing/${inUrl}?code=${inUrl}`)
  await fetch(`${app.issuer}/authorize?client_id=${web.id}&state=${inUrl}&code_challenge=x`)
}

/** A sign-in under way, opened in a browser that did not begin it. */
async function addressOfAnother({ app, canaries }: Run): Promise<void> {
  const begun = await createUserAgent(app).get(authorizationUrl(newPkce()))
  const id = (begun.headers.get('location') ?? '').split('/').at(-1) ?? ''
  canaries.plant('id of a sign-in', id)
  for (const path of [`/interaction/${id}`, `/authorize/${id}`]) await createUserAgent(app).get(path)
}

async function assertion({ app, canaries }: Run, privateKey: Parameters<SignJWT['sign']>[0]): Promise<void> {
  const signed = await new SignJWT({ jti: canaries.plant('assertion jti', unique('jti')) })
    .setProtectedHeader({ alg: 'ES256', kid: 'canary' })
    .setIssuer('canary-machine')
    .setSubject('canary-machine')
    .setAudience(app.issuer)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(privateKey)
  const form = {
    grant_type: 'client_credentials',
    resource: OPAQUE_API,
    scope: 'test:read',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: canaries.plant('client assertion', signed),
  }
  for (let use = 0; use < 2; use++) plantTokens(canaries, await callEndpoint(`${app.issuer}/token`, form))
}

async function obtainCode(
  run: Run,
  agent: UserAgent,
  options: { pushed?: boolean; scope?: string; resource?: string } = {},
): Promise<{ code: string; verifier: string }> {
  const { canaries, web, app } = run
  const pkce = newPkce()
  canaries.plant('code verifier', pkce.verifier)
  const request: SignInOptions = {
    clientId: web.id,
    redirectUri: REDIRECT_URI,
    scope: options.scope ?? 'openid offline_access orders:read',
    params: {
      state: canaries.plant('state', unique('state')),
      nonce: canaries.plant('nonce', unique('nonce')),
      prompt: 'consent',
      resource: options.resource,
    },
  }
  let address = authorizationUrl(pkce, request)
  if (options.pushed === true) {
    const params = Object.fromEntries(new URL(address, app.issuer).searchParams)
    const { body } = await callEndpoint(`${app.issuer}/par`, params, web)
    const requestUri = canaries.plant('request_uri', String(body.request_uri))
    canaries.plant('request_uri without its scheme', requestUri.split(':').at(-1) ?? '')
    address = `/authorize?${new URLSearchParams({ client_id: web.id, request_uri: requestUri }).toString()}`
  }
  return { code: await signInWithSlips(run, agent, address), verifier: pkce.verifier }
}

/** A wrong password first, then the right one, then consent. */
async function signInWithSlips(run: Run, agent: UserAgent, address: string): Promise<string> {
  const { canaries, password } = run
  const login = pageOf(await agent.follow(await agent.get(address)))
  plantForms(run, login)
  const typo = canaries.plant('mistyped password', unique('mistyped'))
  const again = pageOf(await agent.follow(await agent.submit(login, '/login', { login: LOGIN, password: typo })))
  const consent = pageOf(await agent.follow(await agent.submit(again, '/login', { login: LOGIN, password })))
  plantForms(run, consent)
  const { left } = await agent.follow(await agent.submit(consent, '/consent'))
  return canaries.plant('code', left?.searchParams.get('code') ?? '')
}

function pageOf({ page }: Awaited<ReturnType<UserAgent['follow']>>): Page {
  if (page === undefined) throw new Error('expected a page')
  return page
}

async function token({ app, canaries, web }: Run, form: Record<string, string>): Promise<TokenAnswer> {
  const answer = await callEndpoint(`${app.issuer}/token`, form, web)
  plantTokens(canaries, answer)
  return answer
}

function plantTokens(canaries: Canaries, { body }: TokenAnswer): void {
  for (const name of ['access_token', 'refresh_token', 'id_token'] as const) {
    if (body[name] !== undefined) canaries.plant(name, body[name])
  }
}

/** A browser whose every cookie is planted when it is set. */
function watched({ app, canaries }: Run): UserAgent {
  const agent = createUserAgent(app)
  const { cookies } = agent
  const set = cookies.set.bind(cookies)
  cookies.set = (name, value) => {
    canaries.plant(`cookie ${name.split('.')[0]}`, value)
    return set(name, value)
  }
  return agent
}

/** The hidden fields by which a form proves where it comes from. */
function plantForms({ canaries }: Run, { html }: Page): void {
  for (const [, name, value] of html.matchAll(/<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]{12,})"/g)) {
    canaries.plant(`form field ${name}`, value ?? '')
  }
}

function unique(what: string): string {
  return `canary-${what}-${randomBytes(16).toString('hex')}`
}
