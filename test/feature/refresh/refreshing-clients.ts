/**
 * Applications that keep refreshing while the server is killed under them, and write down what they were answered.
 *
 * An application remembers one token: the last it was given. Where no answer comes, or the answer is 503, it asks again
 * with the same token, as any application does. `invalid_grant` is the one answer that it cannot recover from.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { decodeJwt } from 'jose'

import { createUserAgent, newPkce, redeem, refresh, signIn, type TokenAnswer } from '../../support/user-agent.ts'

const CLIENT_ID = 'refreshing'
const REDIRECT_URI = 'http://localhost:4999/callback'
const SIGN_IN = { clientId: CLIENT_ID, redirectUri: REDIRECT_URI, scope: 'openid orders:read' }
const TRY_AGAIN_MS = 25

/** For grantor.yaml: the window is wide enough for a server to be killed and started again. */
export const refreshingClient = {
  client_id: CLIENT_ID,
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [REDIRECT_URI],
  apis: { 'https://orders.example': ['orders:read'] },
  first_party: true,
  refresh: { idempotent_window: 60 },
}

export interface RefreshingClient {
  /** The opaque id of its grant. */
  readonly grantId: string
  /** Answers 200 to a refresh. */
  readonly succeeded: number
  /** Requests without an answer, and answers that the server is not available. */
  readonly lost: number
  /** Everything else, which must not be: `status error`. */
  readonly refusals: readonly string[]
  /** Refreshes until told to stop, at the nodes in turn. */
  run(stop: AbortSignal): Promise<void>
  /** One more refresh, which has to get an answer. */
  refreshOnce(): Promise<TokenAnswer>
}

interface Nodes {
  readonly issuer: string
  readonly urls: readonly string[]
}

/** Applications with a person of their own each, signed in. */
export function signInClients(nodes: Nodes, count: number): Promise<RefreshingClient[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => signInClient(nodes, index)))
}

async function signInClient(nodes: Nodes, index: number): Promise<RefreshingClient> {
  const pkce = newPkce()
  const callback = await signIn(createUserAgent(nodes), pkce, SIGN_IN)
  const { body } = await redeem(nodes.urls[0] as string, callback.get('code') ?? '', pkce, SIGN_IN)
  if (body.refresh_token === undefined) throw new Error(`no refresh token: ${JSON.stringify(body)}`)
  let token = body.refresh_token
  let turn = index
  const client = {
    grantId: String(decodeJwt(body.access_token ?? '').gid),
    succeeded: 0,
    lost: 0,
    refusals: [] as string[],

    async run(stop: AbortSignal) {
      while (!stop.aborted && client.refusals.length === 0) {
        const answer = await ask().catch(() => undefined)
        if (answer === undefined || answer.status === 503) {
          client.lost += 1
          await delay(TRY_AGAIN_MS)
        } else if (answer.status === 200) {
          client.succeeded += 1
        } else {
          client.refusals.push(`${answer.status} ${answer.body.error}`)
        }
      }
    },

    refreshOnce: ask,
  }
  return client

  async function ask(): Promise<TokenAnswer> {
    const answer = await refresh(nodes.urls[turn++ % nodes.urls.length] as string, token, CLIENT_ID)
    if (answer.status === 200) token = String(answer.body.refresh_token)
    return answer
  }
}
