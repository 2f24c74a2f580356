/** The client that a test begins with; it names what its own client has instead. */

import type { ClientSettings } from '../../src/config/config.ts'
import { PLAIN_CLIENT as WITHOUT_RIGHTS } from '../../src/registry/client/plain-client.ts'

/** A public client that signs people in and may call the orders API of the demo. */
export const PLAIN_CLIENT: Omit<ClientSettings, 'clientId'> = {
  ...WITHOUT_RIGHTS,
  clientName: 'A client of a test',
  grantTypes: ['authorization_code', 'refresh_token'],
  redirectUris: ['http://localhost:4999/callback'],
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  apis: { 'https://orders.example': ['orders:read', 'orders:write'] },
}
