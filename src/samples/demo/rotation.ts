/**
 * A signing key is replaced, and no token and no API notices.
 *
 * A key signs for a month, so this flow has a server of its own, whose clock it moves (`grantor/testing`). The API tells
 * the time by that clock too.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import { createVerifier, nodeBearer } from 'grantor/resource'
import { startIssuer } from 'grantor/testing'
import * as openid from 'openid-client'

import { ORDERS } from '../apis/orders.ts'
import { listen } from '../listen.ts'
import { createBrowser } from './browser.ts'
import {
  ask,
  discoverAs,
  mustAnswer,
  peek,
  type RotatingServer,
  signIn,
  type DemoContext,
  WEB,
} from './demo-context.ts'
import { must } from './steps.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Longer than a key signs, 30 days and five percent. */
const A_KEYS_LIFE = 32 * DAY
/** Longer than the overlap: `keys.jwks_max_age` and `keys.margin`, six minutes. */
const OVERLAP = 7 * MINUTE
/** The server looks once a second whether a key has a step to take. */
const STEP_WITHIN_MS = 10_000

/** The server of this flow and an API that trusts it; `open` gets how each is taken down again, as soon as it is up. */
export async function startRotatingServer(open: (() => Promise<void>)[]): Promise<RotatingServer> {
  const server = await startIssuer({ settings: { demo: true } })
  open.push(() => server.close())
  const { issuer, clock } = server
  const verifier = createVerifier({ issuer, audience: ORDERS, clock })
  open.push(() => verifier.close())
  const bearer = nodeBearer(verifier, { scopes: ['orders:read'] })
  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if ((await bearer(req, res)) !== undefined) res.end('your orders')
  }
  const api = await listen('the API', answer, 0, '127.0.0.1')
  open.push(api.close)
  return { issuer, api: `http://localhost:${api.port}`, moveSeconds: (seconds) => clock.moveSeconds(seconds) }
}

export async function rotation({ rotating, steps: { step } }: DemoContext): Promise<void> {
  const { issuer, api, moveSeconds } = rotating
  const [old = ''] = await keyIds(issuer)

  const coming = await step('a month later a successor is published', async (say) => {
    moveSeconds(A_KEYS_LIFE)
    const ids = await until(issuer, (now) => now.length === 2)
    must(ids.includes(old), 'the old key is gone')
    const next = ids.find((id) => id !== old) ?? ''
    say(`JWKS: ${short(old)} and ${short(next)}`)
    return next
  })
  const client = await discoverAs(issuer, WEB)
  const first = await step('signs in: the old key signs, the API agrees', async (say) => {
    const asked = await ask(client, { redirectUri: WEB.redirectUri, scope: 'openid orders:read', resources: [ORDERS] })
    const { answer } = await signIn(createBrowser(issuer), asked)
    const tokens = await openid.authorizationCodeGrant(client, answer, asked.checks, { resource: ORDERS })
    must(signerOf(tokens.access_token) === old, 'the successor signs already')
    say(`${short(old)}: ${await mustAnswer(api, tokens.access_token, 200)}`)
    return tokens
  })
  const refresh = () => openid.refreshTokenGrant(client, first.refresh_token ?? '', { resource: ORDERS })
  await step('every cache knows the successor, and it signs', async (say) => {
    moveSeconds(OVERLAP)
    const { access_token } = await untilSignedBy(coming, refresh)
    say(`${short(coming)}: ${await mustAnswer(api, access_token, 200)}`)
  })
  await step('the token that the old key signed still works', async (say) => {
    say(`${short(old)}: ${await mustAnswer(api, first.access_token, 200)}`)
  })
  await step('the old key goes after its last token expired', async (say) => {
    moveSeconds(2 * HOUR)
    const ids = await until(issuer, (now) => !now.includes(old))
    const { access_token } = await refresh()
    say(`JWKS: ${ids.map(short).join(' and ')}; ${await mustAnswer(api, access_token, 200)}`)
  })
}

/** The keys for the algorithm of the Orders API that the server publishes. */
async function keyIds(issuer: string): Promise<string[]> {
  const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: { alg: string; kid: string }[] }
  return keys.filter(({ alg }) => alg === 'ES256').map(({ kid }) => kid)
}

async function until(issuer: string, areThere: (ids: string[]) => boolean): Promise<string[]> {
  return repeat(
    () => keyIds(issuer),
    areThere,
    (ids) => `the server publishes ${ids.join(' and ')}`,
  )
}

async function untilSignedBy(id: string, get: () => Promise<{ access_token: string }>) {
  return repeat(
    get,
    ({ access_token }) => signerOf(access_token) === id,
    ({ access_token }) => `${signerOf(access_token)} signs`,
  )
}

async function repeat<Result>(
  look: () => Promise<Result>,
  isGood: (result: Result) => boolean,
  describe: (result: Result) => string,
): Promise<Result> {
  const late = AbortSignal.timeout(STEP_WITHIN_MS)
  for (;;) {
    const result = await look()
    if (isGood(result)) return result
    must(!late.aborted, `after ${STEP_WITHIN_MS / 1000} s ${describe(result)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const signerOf = (token: string) => String(peek(token).header.kid)
const short = (id: string) => `${id.slice(0, 6)}…`
