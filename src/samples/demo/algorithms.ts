/** Five algorithms (RFC 7518 section 3.1, RFC 8037): the same call at five APIs, and what signs each token. */

import * as openid from 'openid-client'

import { INVENTORY } from '../apis/inventory.ts'
import { ORDERS } from '../apis/orders.ts'
import { REPORTS } from '../apis/reports.ts'
import { COLLECTOR, type DemoContext, discoverAs, HS256_API, mustAnswer, peek, PS256_API } from './demo-context.ts'
import { must } from './steps.ts'

export async function algorithms(context: DemoContext): Promise<void> {
  const { issuer, apis, hs256, ps256, steps } = context
  const client = await discoverAs(issuer, COLLECTOR)

  for (const [algorithm, resource, scope, address] of [
    ['HS256', HS256_API, 'inventory:read', `${hs256}/items`],
    ['RS256', INVENTORY, 'inventory:read', `${apis.inventory}/items`],
    ['PS256', PS256_API, 'inventory:read', `${ps256}/items`],
    ['ES256', ORDERS, 'orders:read', `${apis.orders}/orders`],
    ['EdDSA', REPORTS, 'reports:read', `${apis.reports}/reports`],
  ] as const) {
    await steps.step(`${algorithm}: ${MEANING[algorithm]}`, async (say) => {
      const { access_token } = await openid.clientCredentialsGrant(client, { resource, scope })
      const { header } = peek(access_token)
      must(header.alg === algorithm, `it is signed with ${String(header.alg)}`)
      must('kid' in header === (algorithm !== 'HS256'), 'only a public key has a name in the JWKS')
      await mustAnswer(address, access_token, 200)
      const bytes = Buffer.from(access_token.split('.')[2] ?? '', 'base64url').length
      say(`200; ${bytes} bytes of signature, checked with ${algorithm === 'HS256' ? 'the secret' : 'a public key'}`)
    })
  }
}

const MEANING = {
  HS256: 'HMAC, a secret that two hold',
  RS256: 'RSA, as everything can read',
  PS256: 'RSA with PSS padding',
  ES256: 'ECDSA on P-256',
  EdDSA: 'Ed25519',
}
