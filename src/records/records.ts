/**
 * The records of clients and APIs in the store: sealed, so that access to the store does not let anyone change a redirect
 * URI or a secret; each with a version, so that of two editors one wins and the other learns it.
 */

import { type Clock, epochSeconds } from '../base/clock.ts'
import type { Sealer } from '../base/sealing.ts'
import type { ApiSettings } from '../registry/api/api.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import type { Origin, Registered } from '../registry/origin.ts'
import { apiFrom, apiText, clientFrom, clientText } from '../registry/record-text.ts'
import { clientShard, clientShards, keys } from '../store/keys.ts'
import { over } from '../store/over.ts'
import type { Entry, Key, Store } from '../store/store.ts'

export interface Records<Settings> {
  read(id: string): Promise<Registered<Settings> | undefined>
  /** The records in the order of the ids. */
  readMany(ids: readonly string[]): Promise<(Registered<Settings> | undefined)[]>
  /** Every record, some hundreds at a time, in no order. */
  readAll(): AsyncGenerator<Registered<Settings>[]>
  /**
   * Stores the settings over the record that was read, or where none was found without one. `false`: another editor was
   * first.
   */
  write(settings: Settings, origin: Origin, read: Pick<Registered<Settings>, 'version'> | undefined): Promise<boolean>
  /** Removes the record that was read. `false`: another editor was first. */
  remove(read: Registered<Settings>): Promise<boolean>
}

export interface RecordsParts {
  readonly store: Store
  readonly sealer: Sealer
  readonly clock: Clock
}

export function createClientRecords(parts: RecordsParts): Records<ClientSettings> {
  return createRecords(parts, {
    idOf: ({ clientId }) => clientId,
    keyOf: (clientId) => keys.client(clientId),
    listOf: (clientId) => keys.clientList(clientShard(clientId)),
    lists: () => clientShards().map(keys.clientList),
    textOf: clientText,
    settingsFrom: clientFrom,
  })
}

export function createApiRecords(parts: RecordsParts): Records<ApiSettings> {
  return createRecords(parts, {
    idOf: ({ audience }) => audience,
    keyOf: (audience) => keys.api(audience),
    listOf: () => keys.apiList(),
    lists: () => [keys.apiList()],
    textOf: apiText,
    settingsFrom: apiFrom,
  })
}

interface Kind<Settings> {
  readonly idOf: (settings: Settings) => string
  readonly keyOf: (id: string) => Key
  /** The index that lists the record. */
  readonly listOf: (id: string) => Key
  readonly lists: () => Key[]
  readonly textOf: (settings: Settings) => string
  readonly settingsFrom: (text: string) => Settings
}

const AT_ONCE = 500
// The lists of clients that are read at once; each holds 1/256 of them.
const LISTS_AT_ONCE = 32

function createRecords<Settings>({ store, sealer, clock }: RecordsParts, kind: Kind<Settings>): Records<Settings> {
  return {
    async read(id) {
      const key = kind.keyOf(id)
      return opened(key, await store.get(key))
    },

    readMany: (ids) => readKeys(ids.map(kind.keyOf)),

    async *readAll() {
      for (const lists of inParts(kind.lists(), LISTS_AT_ONCE)) {
        const members = (await Promise.all(lists.map((list) => store.members(list)))).flat() as Key[]
        for (const some of inParts(members, AT_ONCE)) {
          yield (await readKeys(some)).filter((record) => record !== undefined)
        }
      }
    },

    async write(settings, origin, read) {
      const id = kind.idOf(settings)
      const key = kind.keyOf(id)
      const text = JSON.stringify({ origin, changedAt: epochSeconds(clock), settings: kind.textOf(settings) })
      const outcome = await store.put(key, sealer.seal(text, key), { ...over(read), memberOf: kind.listOf(id) })
      return outcome === 'stored'
    },

    async remove({ settings, version }) {
      // A put that ends at once is the removal that the store makes only over this version.
      const key = kind.keyOf(kind.idOf(settings))
      const outcome = await store.put(key, '', { ifVersion: version, ttlSeconds: 0, ending: true })
      return outcome === 'stored'
    },
  }

  async function readKeys(wanted: readonly Key[]): Promise<(Registered<Settings> | undefined)[]> {
    const found = await Promise.all(inParts(wanted, AT_ONCE).map((some) => store.getMany(some)))
    return found.flat().map((entry, at) => opened(wanted[at] as Key, entry))
  }

  function opened(key: Key, entry: Entry | undefined): Registered<Settings> | undefined {
    if (entry === undefined) return undefined
    const { origin, changedAt, settings } = JSON.parse(sealer.open(entry.value, key)) as StoredRecord
    return { origin, changedAt, settings: kind.settingsFrom(settings), version: entry.version }
  }
}

interface StoredRecord {
  readonly origin: Origin
  readonly changedAt: number
  readonly settings: string
}

function inParts<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))
}
