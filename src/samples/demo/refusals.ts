/** Requests that must be refused, by the APIs and by the server. */

import { createHmac, createPublicKey } from 'node:crypto'

import * as openid from 'openid-client'

import { ORDERS } from '../apis/orders.ts'
import { createBrowser } from './browser.ts'
import { ALL_SCOPES } from './good-flows.ts'
import {
  ask,
  BRIEF,
  type CallInit,
  call,
  discoverAs,
  HASTY,
  MACHINE,
  mustBeRefused,
  PERSON,
  peek,
  type DemoContext,
  signIn,
  SPA,
  WEB,
} from './demo-context.ts'
import { must } from './steps.ts'

/** The longest that a token of two seconds may take to be refused. */
const EXPIRY_WITHIN_MS = 8000

export async function atTheApis({ issuer, apis, brief, steps: { step } }: DemoContext): Promise<void> {
  const orders = `${apis.orders}/orders`
  const client = await discoverAs(issuer, MACHINE)
  const hasty = await discoverAs(issuer, HASTY)
  const good = (await openid.clientCredentialsGrant(client, { resource: ORDERS, scope: 'orders:read' })).access_token

  const refused = (title: string, token: string | undefined, status: number, code: string, more: CallMore = {}) =>
    step(title, async (say) => {
      const answer = await call(more.address ?? orders, token, more.init)
      must(
        answer.status === status && answer.code === code,
        `it answered ${answer.status} ${answer.code ?? answer.text}`,
      )
      say(inShort(answer))
    })

  // First, because it ends while the others are tried.
  const ending = await step('(good: a token that lives for two seconds)', async (say) => {
    const { access_token } = await openid.clientCredentialsGrant(hasty, { resource: BRIEF, scope: 'reports:read' })
    const { status, code } = await call(`${brief}/reports`, access_token)
    must(status === 200, `it answered ${status} ${code ?? ''}`)
    say('200')
    return access_token
  })
  await step('(good: one that lives longer)', async (say) => {
    const { status, code } = await call(orders, good)
    must(status === 200, `it answered ${status} ${code ?? ''}`)
    say('200')
  })
  await refused('no token', undefined, 401, 'token_missing')
  await refused('a token for another API', good, 401, 'token_invalid', { address: `${apis.reports}/reports` })
  await refused('a token without the scope', good, 403, 'scope_insufficient', { init: { method: 'POST', body: '{}' } })
  await refused('a token whose claims were altered', altered(good), 401, 'token_invalid')
  await refused('a token whose signature was altered', tampered(good), 401, 'token_invalid')
  await refused('alg none', unsigned(good), 401, 'token_invalid')
  await refused('HS256 with the public key as secret', await confused(issuer, good), 401, 'token_invalid')
  await refused('an ID token', await idToken(issuer), 401, 'token_invalid')
  await refused('a token in the address', undefined, 400, 'token_misplaced', {
    address: `${orders}?access_token=${good}`,
  })
  await step('an expired token', async (say) => {
    const late = AbortSignal.timeout(EXPIRY_WITHIN_MS)
    let answer = await call(`${brief}/reports`, ending)
    while (answer.status === 200 && !late.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      answer = await call(`${brief}/reports`, ending)
    }
    must(answer.status === 401 && answer.code === 'token_expired', `it answered ${answer.status} ${answer.code ?? ''}`)
    say(inShort(answer))
  })
}

interface CallMore {
  readonly address?: string
  readonly init?: CallInit
}

/** Status and challenge. A request without a token gets no further detail (RFC 6750 section 3.1). */
function inShort({ status, challenge }: { status: number; challenge: string }): string {
  const [, error, description] = /error="([^"]*)", error_description="([^"]*)"/.exec(challenge) ?? []
  return error === undefined ? `${status}, a challenge without an error` : `${status} ${error}: ${description}`
}

export async function atTheServer({ issuer, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, WEB)
  const browser = createBrowser(issuer)
  const codeFor = async () => {
    const asked = await ask(client, { redirectUri: WEB.redirectUri, scope: ALL_SCOPES, resources: [ORDERS] })
    return { asked, answer: (await signIn(browser, asked)).answer }
  }

  await step('a wrong password', async (say) => {
    const { url } = await ask(client, { redirectUri: WEB.redirectUri, scope: 'openid' })
    const another = createBrowser(issuer)
    const form = (await another.open(url)).page?.forms.find(({ fields }) => 'password' in fields)
    must(form, 'there is no login form')
    const { page } = await another.submit(form, { login: PERSON.login, password: 'not-wonderland' })
    must(page, 'the browser was sent back to the app')
    must(page.html.includes('do not match'), 'the page does not say so')
    say(`${page.status}, and not which half was wrong`)
  })
  await step('a code used twice', async (say) => {
    const { asked, answer } = await codeFor()
    const { refresh_token = '' } = await openid.authorizationCodeGrant(client, answer, asked.checks)
    await mustBeRefused(openid.authorizationCodeGrant(client, answer, asked.checks), 'invalid_grant')
    await mustBeRefused(openid.refreshTokenGrant(client, refresh_token), 'invalid_grant')
    say('invalid_grant, and what the first use gave has ended')
  })
  await step('a wrong code verifier', async (say) => {
    const { asked, answer } = await codeFor()
    const checks = { ...asked.checks, pkceCodeVerifier: openid.randomPKCECodeVerifier() }
    await mustBeRefused(openid.authorizationCodeGrant(client, answer, checks), 'invalid_grant')
    say('invalid_grant')
  })
  await step("another client's code", async (say) => {
    const { asked, answer } = await codeFor()
    const attacker = await discoverAs(issuer, SPA)
    await mustBeRefused(openid.authorizationCodeGrant(attacker, answer, asked.checks), 'invalid_grant')
    say('invalid_grant')
  })
  await step('no PKCE', async (say) => {
    const { url } = await ask(client, { redirectUri: WEB.redirectUri, scope: 'openid' })
    url.searchParams.delete('code_challenge')
    url.searchParams.delete('code_challenge_method')
    const { left } = await browser.open(url)
    must(left?.searchParams.get('error') === 'invalid_request', 'it was not refused')
    say('invalid_request')
  })
  await step('an unknown redirect URI', async (say) => {
    const { url } = await ask(client, { redirectUri: `${WEB.redirectUri}/../evil`, scope: 'openid' })
    const { page } = await browser.open(url)
    must(page?.status === 400, 'the browser was sent somewhere')
    say('400 page, no redirect')
  })
  await step('a wrong client secret', async (say) => {
    const authorization = `Basic ${Buffer.from(`${MACHINE.clientId}:not-its-secret`).toString('base64')}`
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' })
    const response = await fetch(`${issuer}/token`, { method: 'POST', headers: { authorization }, body })
    const { error } = (await response.json()) as { error?: string }
    must(response.status === 401 && error === 'invalid_client', `it was answered ${response.status} ${error}`)
    say('401 invalid_client')
  })
  await step('an API that does not exist', async (say) => {
    const own = await discoverAs(issuer, MACHINE)
    await mustBeRefused(openid.clientCredentialsGrant(own, { resource: 'https://no.example' }), 'invalid_target')
    say('invalid_target')
  })
  await step('a revoked refresh token', async (say) => {
    const { asked, answer } = await codeFor()
    const { refresh_token = '' } = await openid.authorizationCodeGrant(client, answer, asked.checks)
    await openid.tokenRevocation(client, refresh_token)
    await mustBeRefused(openid.refreshTokenGrant(client, refresh_token), 'invalid_grant')
    must(!(await openid.tokenIntrospection(client, refresh_token)).active, 'introspection calls it active')
    say('invalid_grant, introspection says inactive')
  })
}

async function idToken(issuer: string): Promise<string> {
  const client = await discoverAs(issuer, SPA)
  const asked = await ask(client, { redirectUri: SPA.redirectUri, scope: 'openid orders:read', resources: [ORDERS] })
  const { answer } = await signIn(createBrowser(issuer), asked)
  return (await openid.authorizationCodeGrant(client, answer, asked.checks)).id_token ?? ''
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** More scope, the old signature. */
function altered(token: string): string {
  const [header, , signature] = token.split('.')
  return `${header}.${encode({ ...peek(token).payload, scope: 'orders:read orders:write' })}.${signature}`
}

function tampered(token: string): string {
  const [header, payload, signature = ''] = token.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return `${header}.${payload}.${bytes.toString('base64url')}`
}

function unsigned(token: string): string {
  return `${encode({ ...peek(token).header, alg: 'none' })}.${token.split('.')[1]}.`
}

/** A careless verifier takes the algorithm from the token and the public key as its secret (RFC 8725 section 2.1). */
async function confused(issuer: string, token: string): Promise<string> {
  const { header, payload } = peek(token)
  const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: { kid: string }[] }
  const jwk = keys.find(({ kid }) => kid === header.kid)
  must(jwk, 'the signing key is not published')
  const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const input = `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}`
  return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`
}
