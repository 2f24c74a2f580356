/** Fills the store of a server that runs with clients, from this process. */

import type { ClientSettings } from '../../../src/config/config.ts'
import { hashSecret } from '../../../src/clients/secrets.ts'
import { createClientRecords } from '../../../src/records/records.ts'
import { PLAIN_CLIENT } from '../../../test/support/plain-client.ts'
import { API_SCOPE, ES256_API, SECRET } from '../configuration.ts'
import { type BenchPlace, withCore } from './bench-core.ts'

const AT_ONCE = 500

export async function fillWithClients(place: BenchPlace, count: number): Promise<void> {
  await withCore(place, async ({ store, sealer, clock }) => {
    const records = createClientRecords({ store, sealer, clock })
    const secretHash = hashSecret(SECRET)
    for (let from = 0; from < count; from += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) =>
        aClient(from + index, secretHash),
      )
      await Promise.all(some.map((client) => records.write(client, 'admin', undefined)))
    }
  })
}

export function clientIdAt(at: number): string {
  return `client-${at}`
}

function aClient(at: number, secretHash: string): ClientSettings {
  return {
    ...PLAIN_CLIENT,
    clientId: clientIdAt(at),
    clientName: `Client ${at}`,
    authMethod: 'client_secret_basic',
    secretHash,
    grantTypes: ['client_credentials'],
    apis: { [ES256_API]: [API_SCOPE] },
  }
}
