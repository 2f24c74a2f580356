/** A program without a person: it signs in as itself (RFC 6749 section 4.4) and calls each API with a token of its own. */

import * as openid from 'openid-client'

import { INVENTORY } from '../apis/inventory.ts'
import { ORDERS } from '../apis/orders.ts'
import { REPORTS } from '../apis/reports.ts'
import type { ApiAddresses } from '../apis/addresses.ts'

export interface MachineOptions {
  readonly issuer: string
  readonly apis: ApiAddresses
  readonly clientId?: string
  readonly clientSecret?: string
  /** Gets one line for each call. */
  readonly print: (line: string) => void
}

export async function runMachine(options: MachineOptions): Promise<void> {
  const { issuer, apis, print, clientId = 'demo-machine' } = options
  const secret = openid.ClientSecretBasic(options.clientSecret ?? 'demo-machine-secret-not-for-production')
  // http is for this machine only; openid-client refuses it by default.
  const execute = issuer.startsWith('http:') ? [openid.allowInsecureRequests] : []
  const config = await openid.discovery(new URL(issuer), clientId, undefined, secret, { execute })

  for (const [resource, scope, address] of [
    [ORDERS, 'orders:read', `${apis.orders}/orders`],
    [INVENTORY, 'inventory:read', `${apis.inventory}/items`],
    [REPORTS, 'reports:read', `${apis.reports}/reports`],
  ] as const) {
    // One audience a token: what the Reports API receives is worth nothing at the Orders API.
    const token = await openid.clientCredentialsGrant(config, { resource, scope })
    const response = await fetch(address, { headers: { authorization: `Bearer ${token.access_token}` } })
    print(`${new URL(resource).host}: ${response.status} ${await response.text()}`)
  }
}
