/** Opens the clients and APIs of a store: for servers, and for commands. */

import { randomInt } from 'node:crypto'

import { type LiveApis, openApis } from '../apis/apis.ts'
import type { Audit } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import type { Sealer } from '../base/sealing.ts'
import { accountClient } from '../clients/account-client.ts'
import { type Clients, createClients } from '../clients/clients.ts'
import { createWebOrigins, type WebOrigins } from '../clients/web-origins.ts'
import type { LiveKeyring } from '../keyring/keyring.ts'
import { createDeclaredNote, type DeclaredNote } from '../records/declared-note.ts'
import { createApiRecords, createClientRecords, type Records } from '../records/records.ts'
import { openRegistryLog, type RegistryLog } from '../records/registry-log.ts'
import type { ApiSettings } from '../registry/api/api.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import type { Surroundings } from '../registry/judge.ts'
import type { Revocation } from '../revocation/revoke.ts'
import type { Store } from '../store/store.ts'
import { createRegistryChanges, type RegistryChanges } from './changes.ts'
import { createDeclarations, type FileDeclarations } from './declarations.ts'
import { createWrites } from './writes.ts'

export interface Registry {
  readonly clients: Clients
  readonly apis: LiveApis
  readonly webOrigins: WebOrigins
  readonly clientRecords: Records<ClientSettings>
  readonly apiRecords: Records<ApiSettings>
  readonly registryLog: RegistryLog
  readonly note: DeclaredNote
  /** The longest life of the tokens of any API. */
  longestTokenSeconds(): number
  close(): void
}

export interface RegistryParts {
  readonly store: Store
  readonly sealer: Sealer
  readonly clock: Clock
  readonly issuer: string
}

/** Throws `StoreUnavailable`. */
export async function openRegistry({ store, sealer, clock, issuer }: RegistryParts): Promise<Registry> {
  const clientRecords = createClientRecords({ store, sealer, clock })
  const apiRecords = createApiRecords({ store, sealer, clock })
  const note = createDeclaredNote({ store, sealer })
  const registryLog = await openRegistryLog({ store, clock })
  const builtIn = [accountClient(issuer)]
  const readDefaultApi = async () => (await note.read()).defaultApi
  const apis = await openApis({ records: apiRecords, registryLog, readDefaultApi })
  return {
    clients: createClients({ records: clientRecords, registryLog, builtIn }),
    apis,
    webOrigins: createWebOrigins({ store, builtIn }),
    ...{ clientRecords, apiRecords, registryLog, note },
    longestTokenSeconds: () => Math.max(0, ...apis.listApis().map(({ accessTokenSeconds }) => accessTokenSeconds)),
    close() {
      apis.close()
      registryLog.close()
    },
  }
}

export interface Registration {
  /** The declarations of a file. */
  readonly file: FileDeclarations
  /** What operators change. */
  readonly changes: RegistryChanges
}

export interface RegistrationParts {
  readonly registry: Registry
  readonly revocation: Pick<Revocation, 'endClients'>
  readonly keyring: Pick<LiveKeyring, 'serveApi'>
  readonly audit: Audit
  readonly clock: Clock
  readonly around: Omit<Surroundings, 'apis' | 'clients'>
}

export function createRegistration(parts: RegistrationParts): Registration {
  const { registry, around, clock, audit } = parts
  const { clientRecords, apiRecords, registryLog, webOrigins, note, apis } = registry
  const writes = createWrites({ ...parts, clientRecords, apiRecords, registryLog, webOrigins })
  const chance = () => randomInt(1000) / 1000
  return {
    file: createDeclarations({ clientRecords, apiRecords, note, writes, registryLog, chance }),
    changes: createRegistryChanges({ clientRecords, apiRecords, apis, writes, around, audit, clock }),
  }
}
