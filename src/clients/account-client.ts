/**
 * The server's own pages as a client of the server: who opens /account signs in as for any application.
 *
 * Nobody configures it. It asks for nothing but the sign-in itself; the code that comes back is never redeemed.
 */

import type { ClientSettings } from '../config/config.ts'
import { PLAIN_CLIENT } from '../registry/client/plain-client.ts'

export const ACCOUNT_CLIENT_ID = 'grantor-account'
export const ACCOUNT_CALLBACK = '/account/callback'

export function accountClient(issuer: string): ClientSettings {
  return {
    ...PLAIN_CLIENT,
    clientId: ACCOUNT_CLIENT_ID,
    clientName: 'Your account',
    grantTypes: ['authorization_code'],
    redirectUris: [`${issuer}${ACCOUNT_CALLBACK}`],
    scopes: ['openid'],
    apis: {},
    firstParty: true,
    refreshIdempotentSeconds: 0,
  }
}
