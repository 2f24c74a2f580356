/**
 * A demo client, for people who want to see tokens within a minute. Development only, and in English only.
 *
 * It does what every web application should (RFC 9700): code with PKCE, a `state`, a `nonce`, and a check of `iss` (RFC
 * 9207). Then it shows the decoded tokens. Its state between the requests is in a short-lived cookie.
 */

import { createHash } from 'node:crypto'

import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import type { Context } from 'koa'

import { InteractionGone } from '../../faults/sign-in.ts'
import { randomId } from '../../base/ids.ts'
import type { PageHandlers } from '../pages/handlers.ts'
import { createPage, type PageModel } from '../pages/page.ts'
import { sendOn } from '../pages/send-on.ts'
import type { Views } from '../pages/views.ts'

export interface TourParts {
  readonly issuer: string
  /** Where this server can reach itself, which behind a proxy or in a test is not the issuer. */
  readonly selfUrl: () => string
  readonly views: Views
}

const CLIENT_ID = 'grantor-tour'
const SCOPE = 'openid profile email orders:read'
const COOKIE = 'grantor-tour'
const COOKIE_SECONDS = 600
const TOKEN_TIMEOUT_MS = 5000

export function tourPages(parts: TourParts): PageHandlers {
  const showPage = createPage(parts.views, 'tour/tour', modelOf)

  return {
    tour(ctx) {
      const attempt = { state: randomId(), verifier: randomId(), nonce: randomId() }
      setCookie(ctx, parts.issuer, Object.values(attempt).join('.'), COOKIE_SECONDS)
      sendOn(ctx, authorizationUrl(parts.issuer, attempt))
    },

    async 'tour-callback'(ctx) {
      // The result page takes the answer out of its address, so its reload begins another round.
      if (ctx.querystring === '') return sendOn(ctx, '/tour')
      const attempt = readCookie(ctx)
      setCookie(ctx, parts.issuer, '', 0)
      refuseOtherAnswers(ctx, parts.issuer, attempt)
      const refusal = parameter(ctx, 'error')
      const page = refusal === '' ? await redeem(parts, parameter(ctx, 'code'), attempt) : { tokens: [], steps: [] }
      showPage(ctx, 200, { ...page, refusal }, { scripts: true })
    },
  }
}

interface Attempt {
  readonly state: string
  readonly verifier: string
  readonly nonce: string
}

function redirectUri(issuer: string): string {
  return `${issuer}/tour/callback`
}

function authorizationUrl(issuer: string, { state, verifier, nonce }: Attempt): string {
  const parameters = new URLSearchParams({
    client_id: CLIENT_ID,
    redirect_uri: redirectUri(issuer),
    response_type: 'code',
    scope: SCOPE,
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  return `${issuer}/authorize?${parameters.toString()}`
}

/** By hand, since Koa refuses `Secure` when it does not see TLS itself, and behind a proxy it never does. */
function setCookie(ctx: Context, issuer: string, value: string, maxAgeSeconds: number): void {
  const secure = issuer.startsWith('https:') ? '; Secure' : ''
  ctx.append('Set-Cookie', `${COOKIE}=${value}; Path=/tour; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`)
}

function readCookie(ctx: Context): Attempt {
  const [state, verifier, nonce] = (ctx.cookies.get(COOKIE) ?? '').split('.')
  if (!state || !verifier || !nonce) throw new InteractionGone({ detail: 'the tour has no cookie' })
  return { state, verifier, nonce }
}

function parameter(ctx: Context, name: string): string {
  const value = ctx.query[name]
  return typeof value === 'string' ? value : ''
}

/** An answer to another request, or from another server, is not ours to use. */
function refuseOtherAnswers(ctx: Context, issuer: string, { state }: Attempt): void {
  if (parameter(ctx, 'state') !== state) throw new InteractionGone({ detail: 'the tour got another state' })
  if (parameter(ctx, 'iss') !== issuer) throw new InteractionGone({ detail: 'the tour got another iss' })
}

/** The tokens for a code, checked as a client must check them (OpenID Connect Core, section 3.1.3.7). */
async function redeem(parts: TourParts, code: string, attempt: Attempt): Promise<Outcome> {
  const { idToken, accessToken } = await fetchTokens(parts, code, attempt.verifier)
  const keys = createRemoteJWKSet(new URL('/jwks', parts.selfUrl()))
  const { payload } = await jwtVerify(idToken, keys, { issuer: parts.issuer, audience: CLIENT_ID })
  if (payload.nonce !== attempt.nonce) throw new InteractionGone({ detail: 'the tour got another nonce' })
  return {
    steps: [
      'state: the answer belongs to the request of this browser',
      `iss: it came from ${parts.issuer}`,
      'code and verifier: exchanged, each works once',
      'ID token: signature, iss, aud, exp and nonce checked',
    ],
    tokens: [
      describe('ID token', 'Tells the application who signed in. No other software should use it.', idToken),
      describe(
        'Access token',
        'Goes to the API with each call. The API verifies it alone, with the keys of /jwks.',
        accessToken,
      ),
    ],
  }
}

interface Outcome {
  readonly steps: readonly string[]
  readonly tokens: readonly TourToken[]
}

interface TourToken {
  readonly name: string
  readonly purpose: string
  readonly header: string
  readonly claims: string
}

/** `refusal` is the error that came back instead of a code; empty when tokens came. */
function modelOf({ steps, tokens, refusal }: Outcome & { readonly refusal: string }): PageModel {
  const numbered = tokens.map((token, index) => ({ ...token, headingId: `token-${index}` }))
  return { title: 'Tour', refusal, steps, tokens: numbered, wide: refusal === '' }
}

async function fetchTokens({ issuer, selfUrl }: TourParts, code: string, verifier: string) {
  const response = await fetch(new URL('/token', selfUrl()), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: CLIENT_ID,
      redirect_uri: redirectUri(issuer),
      code,
      code_verifier: verifier,
    }),
    redirect: 'error',
    signal: AbortSignal.timeout(TOKEN_TIMEOUT_MS),
  })
  const answer = (await response.json()) as { id_token?: string; access_token?: string; error?: string }
  if (answer.id_token === undefined || answer.access_token === undefined) {
    throw new InteractionGone({ detail: `the tour got no tokens: ${response.status} ${answer.error}` })
  }
  return { idToken: answer.id_token, accessToken: answer.access_token }
}

function describe(name: string, purpose: string, token: string): TourToken {
  return { name, purpose, header: pretty(decodeProtectedHeader(token)), claims: pretty(decodeJwt(token)) }
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2)
}
