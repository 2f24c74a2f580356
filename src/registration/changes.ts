/**
 * Changes of clients and APIs by operators, one at a time, under the same rules as grantor.yaml.
 *
 * Records of the file are changed in the file. An editor gives the version that was read. Of two editors one wins and
 * the other is told.
 */

import { type Clock, epochSeconds } from '../base/clock.ts'
import {
  ApiUnknown,
  ClientUnknown,
  RegistryEntryChanged,
  RegistryEntryElsewhere,
  RegistryEntryExists,
  RegistryEntryInvalid,
} from '../faults/registry.ts'
import type { Apis } from '../apis/apis.ts'
import type { Audit } from '../audit/audit.ts'
import { generateSecret, hashSecret } from '../clients/secrets.ts'
import type { Records } from '../records/records.ts'
import type { ApiSettings } from '../registry/api/api.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import { apiEntry, clientEntry, type Entry } from '../registry/entries.ts'
import { judgeApi, judgeClient, type Judged, type Surroundings } from '../registry/judge.ts'
import type { Registered } from '../registry/origin.ts'
import type { Writes } from './writes.ts'

export interface WithSecret {
  readonly client: Registered<ClientSettings>
  /** The generated secret. It is returned only this once. */
  readonly secret: string | undefined
}

export interface EditOptions {
  /** Change it only if it still has this version. */
  readonly ifVersion?: number | undefined
}

export interface RotateOptions extends EditOptions {
  /** For how long the secret before stays valid. */
  readonly oldForSeconds: number
  /** Replaces the newest secret, which is not in use yet, and keeps the one before unchanged. */
  readonly again?: boolean | undefined
}

/** An entry of grantor.yaml. Each throws `RegistryEntryInvalid` when it breaks a rule, and `StoreUnavailable`. */
export interface RegistryChanges {
  /** Draws a secret where the client needs one and the entry has none. Throws `RegistryEntryExists`. */
  addClient(entry: Entry): Promise<WithSecret>
  /** `undefined` takes a setting back to its default. Throws `ClientUnknown`, `RegistryEntryChanged`, `RegistryEntryElsewhere`. */
  setClient(clientId: string, changed: Entry, options?: EditOptions): Promise<Registered<ClientSettings>>
  /** Ends what the client holds, and removes it. */
  removeClient(clientId: string, options?: EditOptions): Promise<Registered<ClientSettings>>
  /** Gives the client a second secret; the one before stays valid for a while. */
  rotateSecret(clientId: string, options: RotateOptions): Promise<WithSecret>
  addApi(entry: Entry): Promise<Registered<ApiSettings>>
  setApi(audience: string, changed: Entry, options?: EditOptions): Promise<Registered<ApiSettings>>
  removeApi(audience: string, options?: EditOptions): Promise<Registered<ApiSettings>>
}

export interface ChangesParts {
  readonly clientRecords: Records<ClientSettings>
  readonly apiRecords: Records<ApiSettings>
  readonly apis: Pick<Apis, 'listApis'>
  readonly writes: Writes
  readonly around: Omit<Surroundings, 'apis' | 'clients'>
  readonly audit: Audit
  readonly clock: Clock
}

export function createRegistryChanges(parts: ChangesParts): RegistryChanges {
  const { clientRecords, apiRecords, apis, writes, around, audit, clock } = parts

  return {
    async addClient(entry) {
      const { entry: whole, secret } = withSecret(entry)
      const settings = settingsIn(judgeClient(whole, { ...around, apis: apis.listApis(), clients: [] }))
      const { clientId } = settings
      if ((await clientRecords.read(clientId)) !== undefined) throw new RegistryEntryExists('client', clientId)
      return { client: await writeClient(undefined, settings), secret }
    },

    async setClient(clientId, changed, options = {}) {
      const before = await editableClient(clientId, options)
      const { client_secret_sha256: hashes, ...rest } = clientEntry(before.settings)
      const isSecretChanged = Object.keys(changed).some((name) => name.startsWith('client_secret'))
      const keepsSecret = !isSecretChanged && usesSecret({ ...rest, ...changed })
      const entry = { ...rest, ...(keepsSecret && { client_secret_sha256: hashes }), ...changed, client_id: clientId }
      const judged = settingsIn(judgeClient(entry, { ...around, apis: apis.listApis(), clients: [] }))
      return writeClient(before, isSecretChanged ? judged : { ...judged, ...secretsOf(before.settings, judged) })
    },

    async removeClient(clientId, options = {}) {
      const before = await editableClient(clientId, options)
      const lost = await writes.clients([{ id: clientId, before, after: undefined }], before.origin)
      if (lost.length > 0) throw new RegistryEntryChanged('client', clientId)
      return before
    },

    async rotateSecret(clientId, { oldForSeconds, again, ...options }) {
      const before = await editableClient(clientId, options)
      const secret = generateSecret()
      const after = rotated(before.settings, { secretHash: hashSecret(secret), oldForSeconds, again: again === true })
      const client = await writeClient(before, after)
      audit.record('client.secret_rotated', { clientId })
      return { client, secret }
    },

    async addApi(entry) {
      const settings = await judgedApi(entry)
      const { audience } = settings
      if ((await apiRecords.read(audience)) !== undefined) throw new RegistryEntryExists('api', audience)
      return writeApi(undefined, settings)
    },

    async setApi(audience, changed, options = {}) {
      const before = await editableApi(audience, options)
      const judged = await judgedApi({ ...apiEntry(before.settings), ...changed, audience }, before.settings)
      return writeApi(before, judged)
    },

    async removeApi(audience, options = {}) {
      const before = await editableApi(audience, options)
      const lost = await writes.apis([{ id: audience, before, after: undefined }], before.origin)
      if (lost.length > 0) throw new RegistryEntryChanged('api', audience)
      return before
    },
  }

  async function editableClient(clientId: string, options: EditOptions): Promise<Registered<ClientSettings>> {
    const record = await clientRecords.read(clientId)
    if (record === undefined) throw new ClientUnknown()
    return editable(record, 'client', clientId, options)
  }

  async function editableApi(audience: string, options: EditOptions): Promise<Registered<ApiSettings>> {
    const record = await apiRecords.read(audience)
    if (record === undefined) throw new ApiUnknown()
    return editable(record, 'api', audience, options)
  }

  /** The settings of an API; a secret that the entry only names is the one of `before`. */
  async function judgedApi(entry: Entry, before?: ApiSettings): Promise<ApiSettings> {
    const all = apis.listApis()
    const named = Array.isArray(entry.introspected_by) ? entry.introspected_by.map(String) : []
    const first = judgeApi(entry, { ...around, apis: all, clients: await known(named) })
    const settings = settingsIn(first)
    if (settings.algorithm === 'HS256' && settings.secret !== undefined) {
      // A client's secret may be any of them, and each is known by its hash alone.
      for await (const page of clientRecords.readAll()) {
        settingsIn(
          judgeApi(entry, {
            ...around,
            apis: all,
            clients: [...page.map((one) => one.settings), ...(await known(named))],
          }),
        )
      }
    }
    if (settings.secretSha256 === undefined) return settings
    const { secretSha256: _reference, ...rest } = settings
    if (before?.secret === undefined)
      throw new RegistryEntryInvalid(['api.token.secret_sha256 names no secret of this API.'])
    return { ...rest, secret: before.secret }
  }

  async function known(clientIds: readonly string[]): Promise<ClientSettings[]> {
    return (await clientRecords.readMany(clientIds)).flatMap((record) =>
      record === undefined ? [] : [record.settings],
    )
  }

  async function writeClient(before: Registered<ClientSettings> | undefined, after: ClientSettings) {
    const id = after.clientId
    const origin = before?.origin ?? 'admin'
    const lost = await writes.clients([{ id, before, after }], origin)
    if (lost.length > 0) throw lostTo(before, 'client', id)
    return { settings: after, origin, version: (before?.version ?? 0) + 1, changedAt: epochSeconds(clock) }
  }

  async function writeApi(before: Registered<ApiSettings> | undefined, after: ApiSettings) {
    const id = after.audience
    const origin = before?.origin ?? 'admin'
    const lost = await writes.apis([{ id, before, after }], origin)
    if (lost.length > 0) throw lostTo(before, 'api', id)
    return { settings: after, origin, version: (before?.version ?? 0) + 1, changedAt: epochSeconds(clock) }
  }

  function rotated(
    client: ClientSettings,
    { secretHash, oldForSeconds, again }: { secretHash: string; oldForSeconds: number; again: boolean },
  ): ClientSettings {
    const now = epochSeconds(clock)
    const at = `client ${client.clientId}`
    if (client.secretHash === undefined) throw new RegistryEntryInvalid([`${at} has no secret.`])
    if (again) return { ...client, secretHash }
    const isOldValid = client.oldSecretHash !== undefined && (client.oldSecretEndsAt ?? Number.POSITIVE_INFINITY) > now
    if (isOldValid) {
      throw new RegistryEntryInvalid([
        `${at} has two secrets already, and the older one may be in use; wait until it has ended, or replace the newest with --again.`,
      ])
    }
    const old = { oldSecretHash: client.secretHash, oldSecretEndsAt: now + oldForSeconds }
    return {
      ...client,
      secretHash,
      ...(oldForSeconds > 0 ? old : { oldSecretHash: undefined, oldSecretEndsAt: undefined }),
    } as ClientSettings
  }
}

type Kind = 'client' | 'api'

function lostTo(before: unknown, kind: Kind, name: string): Error {
  return before === undefined ? new RegistryEntryExists(kind, name) : new RegistryEntryChanged(kind, name)
}

function editable<Settings>(
  record: Registered<Settings>,
  kind: Kind,
  name: string,
  { ifVersion }: EditOptions,
): Registered<Settings> {
  if (record.origin === 'file') throw new RegistryEntryElsewhere(kind, name)
  if (ifVersion !== undefined && ifVersion !== record.version) throw new RegistryEntryChanged(kind, name)
  return record
}

function settingsIn<Settings>({ settings, problems }: Judged<Settings>): Settings {
  if (settings === undefined) throw new RegistryEntryInvalid(problems)
  return settings
}

/** The secrets of the client as they are, unless it proves itself in another way now. */
function secretsOf({ secretHash, oldSecretHash, oldSecretEndsAt }: ClientSettings, after: ClientSettings) {
  if (after.secretHash === undefined) return {}
  return {
    secretHash,
    ...(oldSecretHash !== undefined && { oldSecretHash }),
    ...(oldSecretEndsAt !== undefined && { oldSecretEndsAt }),
  }
}

function usesSecret({ token_endpoint_auth_method: method = 'client_secret_basic' }: Entry): boolean {
  return typeof method === 'string' && method.startsWith('client_secret_')
}

function withSecret(entry: Entry): { entry: Entry; secret: string | undefined } {
  const hasSecret = ['client_secret', 'client_secret_file', 'client_secret_sha256'].some(
    (name) => entry[name] !== undefined,
  )
  if (hasSecret || !usesSecret(entry)) return { entry, secret: undefined }
  const secret = generateSecret()
  return { entry: { ...entry, client_secret_sha256: hashSecret(secret) }, secret }
}
