/**
 * Writes a client or an API, for every kind of change. What it needs is made first, the access it loses is ended first,
 * and every server is informed.
 */

import type { Audit } from '../audit/audit.ts'
import type { WebOrigins } from '../clients/web-origins.ts'
import type { LiveKeyring } from '../keyring/keyring.ts'
import type { Records } from '../records/records.ts'
import type { RegistryLog } from '../records/registry-log.ts'
import type { ApiSettings } from '../registry/api/api.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import type { Origin } from '../registry/origin.ts'
import type { Revocation } from '../revocation/revoke.ts'
import type { RecordChange } from './differences.ts'

export interface Writes {
  /** Makes the changes; gives those for which another editor was first. Throws `StoreUnavailable`. */
  clients(changes: readonly RecordChange<ClientSettings>[], origin: Origin): Promise<RecordChange<ClientSettings>[]>
  apis(changes: readonly RecordChange<ApiSettings>[], origin: Origin): Promise<RecordChange<ApiSettings>[]>
}

export interface WritesParts {
  readonly clientRecords: Records<ClientSettings>
  readonly apiRecords: Records<ApiSettings>
  readonly registryLog: Pick<RegistryLog, 'change'>
  readonly webOrigins: Pick<WebOrigins, 'add' | 'release'>
  readonly revocation: Pick<Revocation, 'endClients'>
  readonly keyring: Pick<LiveKeyring, 'serveApi'>
  readonly audit: Audit
}

// The not-before mark of a client lies some seconds ahead; the record is removed before that time.
const AT_ONCE = 200

export function createWrites(parts: WritesParts): Writes {
  const { clientRecords, apiRecords, registryLog, webOrigins, revocation, keyring, audit } = parts

  return {
    async clients(changes, origin) {
      const lost: RecordChange<ClientSettings>[] = []
      for (let at = 0; at < changes.length; at += AT_ONCE) {
        lost.push(...(await writeClients(changes.slice(at, at + AT_ONCE), origin)))
      }
      return lost
    },

    async apis(changes, origin) {
      await serve(changes)
      const names = changes.map(({ id }) => `api ${id}` as const)
      const outcomes = await registryLog.change(names, () =>
        Promise.all(changes.map((one) => write(apiRecords, one, origin))),
      )
      for (const [at, { id, before, after }] of changes.entries()) {
        if (outcomes[at] === true) audit.record(eventOf('api', before, after), { reason: id })
      }
      return changes.filter((_, at) => outcomes[at] !== true)
    },
  }

  async function writeClients(
    changes: readonly RecordChange<ClientSettings>[],
    origin: Origin,
  ): Promise<RecordChange<ClientSettings>[]> {
    await end(
      changes.filter(({ before, after }) => before !== undefined && after === undefined),
      'client_removed',
    )
    await end(changes.filter(isDisabled), 'client_disabled')
    const names = changes.map(({ id }) => `client ${id}` as const)
    const outcomes = await registryLog.change(names, () => Promise.all(changes.map((one) => writeClient(one, origin))))
    for (const [at, { id, before, after }] of changes.entries()) {
      if (outcomes[at] === true) audit.record(eventOf('client', before, after), { clientId: id })
    }
    return changes.filter((_, at) => outcomes[at] !== true)
  }

  async function end(
    changes: readonly RecordChange<ClientSettings>[],
    reason: 'client_removed' | 'client_disabled',
  ): Promise<void> {
    if (changes.length > 0)
      await revocation.endClients(
        changes.map(({ id }) => id),
        reason,
      )
  }

  async function writeClient(change: RecordChange<ClientSettings>, origin: Origin): Promise<boolean> {
    const { before, after } = change
    if (after !== undefined) await webOrigins.add(after)
    const isWritten = await write(clientRecords, change, origin)
    if (isWritten && before !== undefined) await webOrigins.release(before.settings, after)
    return isWritten
  }

  async function write<Settings>(
    records: Records<Settings>,
    { before, after }: RecordChange<Settings>,
    origin: Origin,
  ): Promise<boolean> {
    if (after !== undefined) return records.write(after, origin, before)
    return before === undefined || records.remove(before)
  }

  /** One step of the ring for each algorithm, with the longest life that its tokens get. */
  async function serve(changes: readonly RecordChange<ApiSettings>[]): Promise<void> {
    const after = changes.map((change) => change.after).filter((api) => api !== undefined)
    for (const [algorithm, apis] of Map.groupBy(after, (api) => api.algorithm)) {
      await keyring.serveApi({ algorithm, tokenSeconds: Math.max(...apis.map((api) => api.accessTokenSeconds)) })
    }
  }
}

function isDisabled({ before, after }: RecordChange<ClientSettings>): boolean {
  return before !== undefined && before.settings.disabled !== true && after?.disabled === true
}

function eventOf<Kind extends 'client' | 'api'>(kind: Kind, before: unknown, after: unknown) {
  if (before === undefined) return `${kind}.added` as const
  return after === undefined ? (`${kind}.removed` as const) : (`${kind}.changed` as const)
}
