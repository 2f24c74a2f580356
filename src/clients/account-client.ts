/**
 * The server's own pages as a client of the server: a person who opens /account signs in as for any application.
 *
 * This client is not configured. It requests only the sign-in; the code that comes back is never redeemed.
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
