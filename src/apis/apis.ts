/**
 * The APIs for which tokens are issued: audience, scopes with a sentence each, token format and lifetime.
 *
 * There are few APIs, and tokens are judged by them without waiting, so every server holds all. A change is announced
 * to every server, which then reads the API again (records/registry-log.ts).
 */

import type { Records } from '../records/records.ts'
import type { RegistryLog } from '../records/registry-log.ts'
import type { ApiSettings } from '../registry/api/api.ts'

export interface Apis {
  /** The audience of tokens for which no resource was requested; `undefined` only when there is no API. */
  readonly defaultApi: string | undefined
  findApi(audience: string): ApiSettings | undefined
  listApis(): readonly ApiSettings[]
  /** Whether a token for this audience may also be used at /userinfo. */
  opensUserinfo(audience: string): boolean
  /** The text of a scope on the consent page; the scope itself when the API has no text for it. */
  sentenceFor(audience: string, scope: string): string
}

export interface LiveApis extends Apis {
  /** Resolves when the announced changes are in force here. */
  settled(): Promise<void>
  close(): void
}

export interface ApisParts {
  readonly records: Pick<Records<ApiSettings>, 'read' | 'readAll'>
  readonly registryLog: Pick<RegistryLog, 'onChange' | 'isChanging'>
  /** Reads which API is the default, for tokens without a resource. */
  readonly readDefaultApi: () => Promise<string | undefined>
}

const RETRY_MS = 500

/** Reads every API. Throws `StoreUnavailable`. */
export async function openApis({ records, registryLog, readDefaultApi }: ApisParts): Promise<LiveApis> {
  let byAudience: ReadonlyMap<string, ApiSettings> = new Map()
  let defaultApi: string | undefined
  let isClosed = false
  // One read after the other, so an older result never replaces a newer one.
  let reading = Promise.resolve()

  registryLog.onChange((name) => {
    if (name === undefined || name === 'declared') follow(readAll)
    else if (name.startsWith('api ')) follow(() => readOne(name.slice('api '.length)))
  })
  await readAll()

  return {
    get defaultApi() {
      return defaultApi
    },
    findApi: (audience) => byAudience.get(audience),
    listApis: () => [...byAudience.values()],

    opensUserinfo(audience) {
      const api = byAudience.get(audience)
      return api?.opensUserinfo === true && api.algorithm !== 'HS256'
    },

    sentenceFor(audience, scope) {
      const sentences = byAudience.get(audience)?.scopes ?? {}
      // The scope comes from a request, so `constructor` must not find a member of every object.
      return Object.hasOwn(sentences, scope) ? (sentences[scope] ?? scope) : scope
    },

    settled: () => reading,

    close() {
      isClosed = true
    },
  }

  function follow(read: () => Promise<void>): void {
    reading = reading.then(() => untilRead(read))
  }

  /** While the store is away this server is not ready. It reads what changed as soon as it can. */
  async function untilRead(read: () => Promise<void>): Promise<void> {
    while (!isClosed) {
      try {
        return await read()
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
      }
    }
  }

  async function readAll(): Promise<void> {
    const all = new Map<string, ApiSettings>()
    const chosen = await readDefaultApi()
    for await (const page of records.readAll()) for (const { settings } of page) all.set(settings.audience, settings)
    byAudience = all
    defaultApi = chosen
  }

  async function readOne(audience: string): Promise<void> {
    const record = await records.read(audience)
    const next = new Map(byAudience)
    if (record === undefined) next.delete(audience)
    else next.set(audience, record.settings)
    byAudience = next
  }
}
