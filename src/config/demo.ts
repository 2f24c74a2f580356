/**
 * The demo seed: what lets a newcomer sign in a minute after the clone. Development only, and only on this machine,
 * because every password and secret here is public knowledge.
 */

import { hashHandle } from '../base/sealing.ts'
import { parseDuration } from '../base/duration.ts'
import type { ApiSettings, ClientSettings, DemoAccount, SigningAlgorithm } from './config.ts'
import { ACCESS_TOKEN } from '../registry/duration-setting.ts'
import { PLAIN_CLIENT } from '../registry/client/plain-client.ts'

export interface DemoSeed {
  readonly apis: readonly ApiSettings[]
  readonly defaultApi: string
  readonly clients: readonly ClientSettings[]
  readonly accounts: readonly DemoAccount[]
}

const ORDERS = 'https://orders.example'
const INVENTORY = 'https://inventory.example'
const REPORTS = 'https://reports.example'

const SAMPLE_SCOPES = {
  [ORDERS]: ['orders:read', 'orders:write'],
  [INVENTORY]: ['inventory:read'],
  [REPORTS]: ['reports:read'],
}

export function demoSeed(issuer: string): DemoSeed {
  return {
    apis: demoApis(),
    defaultApi: ORDERS,
    clients: [demoWeb(), demoSpa(), demoMachine(issuer), tour(issuer)],
    accounts: [
      {
        login: 'alice@example.com',
        password: 'wonderland-2026',
        claims: {
          name: 'Alice Liddell',
          given_name: 'Alice',
          family_name: 'Liddell',
          email: 'alice@example.com',
          email_verified: true,
        },
      },
    ],
  }
}

/** Each of the three samples shows another algorithm. */
function demoApis(): ApiSettings[] {
  return [
    jwtApi(ORDERS, 'Orders', 'ES256', {
      'orders:read': 'See your orders',
      'orders:write': 'Place and change orders for you',
    }),
    jwtApi(INVENTORY, 'Inventory', 'RS256', { 'inventory:read': 'See what is in stock' }),
    jwtApi(REPORTS, 'Reports', 'EdDSA', { 'reports:read': 'Read your reports' }),
  ]
}

function demoWeb(): ClientSettings {
  return {
    ...PLAIN_CLIENT,
    clientId: 'demo-web',
    clientName: 'Demo web app',
    authMethod: 'client_secret_basic',
    secretHash: hashHandle('demo-web-secret-not-for-production'),
    grantTypes: ['authorization_code', 'refresh_token'],
    redirectUris: ['http://localhost:4010/callback'],
    postLogoutRedirectUris: ['http://localhost:4010/'],
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    apis: SAMPLE_SCOPES,
  }
}

function demoSpa(): ClientSettings {
  return {
    ...PLAIN_CLIENT,
    clientId: 'demo-spa',
    clientName: 'Demo single-page app',
    grantTypes: ['authorization_code', 'refresh_token'],
    redirectUris: ['http://localhost:4011/callback'],
    postLogoutRedirectUris: ['http://localhost:4011/'],
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    apis: SAMPLE_SCOPES,
  }
}

function demoMachine(issuer: string): ClientSettings {
  return {
    ...PLAIN_CLIENT,
    clientId: 'demo-machine',
    clientName: 'Demo machine',
    authMethod: 'client_secret_basic',
    secretHash: hashHandle('demo-machine-secret-not-for-production'),
    grantTypes: ['client_credentials'],
    apis: { ...SAMPLE_SCOPES, [issuer]: ['revocations:read'] },
  }
}

/** A page of the server itself, which shows a newcomer the response. */
function tour(issuer: string): ClientSettings {
  return {
    ...PLAIN_CLIENT,
    clientId: 'grantor-tour',
    clientName: 'Grantor tour',
    grantTypes: ['authorization_code'],
    redirectUris: [`${issuer}/tour/callback`],
    scopes: ['openid', 'profile', 'email'],
    apis: { [ORDERS]: ['orders:read'] },
  }
}

function jwtApi(
  audience: string,
  name: string,
  algorithm: SigningAlgorithm,
  scopes: Record<string, string>,
): ApiSettings {
  return {
    audience,
    name,
    scopes,
    tokenFormat: 'jwt',
    algorithm,
    secret: undefined,
    accessTokenSeconds: parseDuration(ACCESS_TOKEN.default),
    opensUserinfo: true,
    introspectedBy: [],
  }
}
