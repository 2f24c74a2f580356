/** The registry of a test's own store, as a server has it, without the server. */

import { onTestFinished } from 'vitest'

import { createAudit } from '../../src/audit/audit.ts'
import { createLog } from '../../src/audit/log.ts'
import type { Clock } from '../../src/base/clock.ts'
import { createSealer } from '../../src/base/sealing.ts'
import {
  createRegistration,
  openRegistry,
  type Registration,
  type Registry,
} from '../../src/registration/open-registry.ts'
import type { ApiSettings } from '../../src/registry/api/api.ts'
import type { ClientSettings } from '../../src/registry/client/client.ts'
import { PLAIN_CLIENT } from '../../src/registry/client/plain-client.ts'
import type { Store } from '../../src/store/store.ts'
import { openRevocation, type RevocationFixture } from '../revocation/open-revocation.ts'

export const ISSUER = 'https://auth.example'

export interface TestRegistry extends Registry, Registration, Pick<RevocationFixture, 'revocation'> {
  /** What the keyring was asked to make ready for. */
  readonly served: { readonly algorithm: string; readonly tokenSeconds: number }[]
}

export async function openTestRegistry(store: Store, clock: Clock): Promise<TestRegistry> {
  const sealer = createSealer(Buffer.alloc(32, 7), 'store')
  const registry = await openRegistry({ store, sealer, clock, issuer: ISSUER })
  onTestFinished(() => registry.close())
  const { revocation, revocationLog } = await openRevocation(store, clock)
  onTestFinished(() => revocationLog.close())
  const served: TestRegistry['served'] = []
  const registration = createRegistration({
    ...{ registry, revocation, clock },
    keyring: {
      async serveApi(needs) {
        served.push(needs)
        return { changes: [] } as never
      },
    },
    audit: createAudit({ store, clock, log: createLog({ level: 'silent' }) }),
    around: { issuer: ISSUER, production: false, isWeakHash: () => false, readFile: () => 'a secret of a file' },
  })
  return { ...registry, ...registration, served, revocation }
}

export function aClient(clientId: string, settings: Partial<ClientSettings> = {}): ClientSettings {
  return {
    ...PLAIN_CLIENT,
    clientId,
    clientName: clientId,
    grantTypes: ['authorization_code'],
    redirectUris: ['https://app.example/callback'],
    scopes: ['openid'],
    apis: {},
    ...settings,
  }
}

export function anApi(audience: string, settings: Partial<ApiSettings> = {}): ApiSettings {
  return {
    audience,
    name: audience,
    scopes: { read: 'Read' },
    tokenFormat: 'jwt',
    algorithm: 'RS256',
    secret: undefined,
    accessTokenSeconds: 600,
    opensUserinfo: true,
    introspectedBy: [],
    ...settings,
  }
}
