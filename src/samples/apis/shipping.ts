/**
 * The Shipping service, on plain `node:http`: an API that calls another API.
 *
 * It does not pass its caller's token on. That token is for this service (`aud`), and the Inventory API would refuse it.
 * The service gets a token of its own (RFC 6749 section 4.4), which names the service and holds one scope.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import { createVerifier, nodeBearer } from 'grantor/resource'
import * as openid from 'openid-client'

import type { Api, ApiOptions } from './api.ts'
import { INVENTORY } from './inventory.ts'

export const SHIPPING = 'https://shipping.example'

/** A token is asked for anew this long before it expires, so that none expires on its way. */
const EARLY_SECONDS = 30

/** No browser calls it, so it needs no CORS. */
interface ShippingOptions extends Pick<ApiOptions, 'issuer' | 'revocations'> {
  /** Where the Inventory API answers. */
  readonly inventory: string
  /** What the service is when it calls. */
  readonly client: { readonly clientId: string; readonly clientSecret: string }
}

interface Stock {
  readonly items: readonly { readonly item: string; readonly left: number }[]
}

export function shippingApi({ issuer, revocations, inventory, client }: ShippingOptions): Api {
  const verifier = createVerifier({ issuer, audience: SHIPPING, revocations })
  const bearer = nodeBearer(verifier, { scopes: ['shipping:read'] })
  const ownToken = tokenSource(issuer, client)

  async function handler(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const caller = await bearer(req, res)
    if (caller === undefined) return
    const response = await ownToken()
      .then((token) => fetch(`${inventory}/items`, { headers: { authorization: `Bearer ${token}` } }))
      .catch(() => undefined)
    if (!response?.ok) return answer(res, 502, { status: 502, detail: 'The Inventory API gave no answer.' })
    const { items } = (await response.json()) as Stock
    answer(res, 200, { shippable: items.map(({ item }) => item), preparedFor: caller.subject })
  }

  return { handler, close: () => verifier.close() }
}

/** One token for many calls, until shortly before it expires. */
function tokenSource(issuer: string, client: ShippingOptions['client']): () => Promise<string> {
  let held: { readonly token: string; readonly until: number } | undefined

  return async function ownToken() {
    if (held !== undefined && Date.now() < held.until) return held.token
    const secret = openid.ClientSecretBasic(client.clientSecret)
    // http is for this machine only; openid-client refuses it unless told otherwise.
    const execute = issuer.startsWith('http:') ? [openid.allowInsecureRequests] : []
    const config = await openid.discovery(new URL(issuer), client.clientId, undefined, secret, { execute })
    const got = await openid.clientCredentialsGrant(config, { resource: INVENTORY, scope: 'inventory:read' })
    const seconds = (got.expires_in ?? 0) - EARLY_SECONDS
    held = { token: got.access_token, until: Date.now() + seconds * 1000 }
    return held.token
  }
}

function answer(res: ServerResponse, status: number, body: unknown): void {
  const type = status === 200 ? 'application/json' : 'application/problem+json'
  res.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(JSON.stringify(body))
}
