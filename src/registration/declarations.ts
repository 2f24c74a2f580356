/**
 * Brings the store in line with a file, and shows beforehand what that would change.
 *
 * Only records of origin `file` are written, never those of another origin. Servers that start with different files do
 * not overwrite each other repeatedly: each applies its file once, the last one wins, and its log says that it replaced
 * another file.
 */

import { createHash } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'

import { RegistryEntryChanged } from '../faults/registry.ts'
import { ConfigInvalid } from '../faults/start.ts'
import type { Declared, DeclaredNote, ReadDeclared } from '../records/declared-note.ts'
import type { Records } from '../records/records.ts'
import type { RegistryLog } from '../records/registry-log.ts'
import type { ApiSettings } from '../registry/api/api.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import { secretSha256 } from '../registry/entries.ts'
import type { Registered } from '../registry/origin.ts'
import { apiText, clientText } from '../registry/record-text.ts'
import {
  changesOf,
  countsOf,
  type Declarations,
  type Differences,
  isApiUnchanged,
  isClientUnchanged,
  isEmpty,
  removedNames,
} from './differences.ts'
import type { Writes } from './writes.ts'

export interface Applied {
  readonly differences: Differences
  /** The version of what is declared now: one more each time that a file changes it. */
  readonly version: number
  /** Another file was applied before this one. */
  readonly replacedAnother: boolean
  /** What the file no longer declares and was left as it is; `replaced`: since the file is one that another has replaced. */
  readonly kept: { readonly names: readonly string[]; readonly because: 'not_allowed' | 'replaced' } | undefined
}

export interface ApplyOptions {
  /** Why the engine would refuse a client; asked before anything is written. */
  readonly refusalOf?: (client: ClientSettings) => string | undefined
  /** Removes no more than so many records; throws `RegistryEntryChanged` where another server changed that meanwhile. */
  readonly mostRemovals?: number | undefined
  /** Does nothing where another file was applied since. */
  readonly onlyIfLast?: boolean
  /**
   * What becomes of records that the file no longer declares; they are removed unless set. `not_replaced` removes them
   * unless the file is one that another file has replaced: a server that restarts with an old file.
   */
  readonly removes?: 'nothing' | 'not_replaced'
}

export interface FileDeclarations {
  /** What `apply` would change. */
  plan(declared: Declarations): Promise<Differences>
  /** Throws `ConfigInvalid` before anything is written, `StoreUnavailable`. */
  apply(declared: Declarations, options?: ApplyOptions): Promise<Applied>
  /** The present declarations, sorted by name. */
  read(): Promise<Declarations>
}

export interface DeclarationsParts {
  readonly clientRecords: Records<ClientSettings>
  readonly apiRecords: Records<ApiSettings>
  readonly note: DeclaredNote
  readonly writes: Writes
  readonly registryLog: Pick<RegistryLog, 'change'>
  /** Between 0 and 1. */
  readonly chance: () => number
}

const MOST_ROUNDS = 50
// Files that were replaced are told by their digests; a server that restarts has one of the last.
const MOST_REPLACED = 32
const LONGEST_PAUSE_MS = 200

export function createDeclarations(parts: DeclarationsParts): FileDeclarations {
  const { clientRecords, apiRecords, note, writes, registryLog, chance } = parts

  return {
    async plan(declared) {
      return (await compare(declared, await note.read())).differences
    },

    async apply(declared, options = {}) {
      const digest = digestOf(declared)
      for (let round = 0; round < MOST_ROUNDS; round++) {
        const known = await note.read()
        if (options.onlyIfLast === true && known.digest !== undefined && known.digest !== digest) return nothing(known)
        const because = keepsBecause(digest, known, options)
        const { differences, names, kept } = leaving(await compare(declared, known), because)
        const replaced = replacedBy(digest, known, because)
        const next: Declared = { ...names, defaultApi: declared.defaultApi, digest, replaced }
        judge(differences, options)
        if (countsOf(differences).removed > (options.mostRemovals ?? Number.POSITIVE_INFINITY)) {
          throw new RegistryEntryChanged('declared')
        }
        const replacedAnother = known.digest !== undefined && known.digest !== digest
        if (isEmpty(differences) && isNoted(next, known))
          return { differences, version: known.version, replacedAnother, kept }
        const version = await write({ differences, next, known })
        if (version !== undefined) return { differences, version, replacedAnother, kept }
        // Another server applies a file, this one or another. The last one to write then compares with the result.
        await later(chance() * LONGEST_PAUSE_MS)
      }
      throw new ConfigInvalid(['Other servers keep applying their own files; start all servers with one file.'])
    },

    async read() {
      const { clientIds, audiences, defaultApi } = await note.read()
      const [clients, apis] = await Promise.all([clientRecords.readMany(clientIds), apiRecords.readMany(audiences)])
      return {
        clients: declaredIn(clients).toSorted((a, b) => compareTexts(a.clientId, b.clientId)),
        apis: declaredIn(apis).toSorted((a, b) => compareTexts(a.audience, b.audience)),
        defaultApi,
      }
    },
  }

  async function compare(declared: Declarations, known: ReadDeclared): Promise<Compared> {
    const clients = new Map(declared.clients.map((client) => [client.clientId, client]))
    const [storedClients, storedApis] = await Promise.all([
      stored(clientRecords, [...new Set([...known.clientIds, ...clients.keys()])]),
      stored(apiRecords, [...new Set([...known.audiences, ...declared.apis.map(({ audience }) => audience)])]),
    ])
    const apis = new Map(withSecrets(declared.apis, storedApis).map((api) => [api.audience, api]))
    const ofClients = changesOf(clients, storedClients, isClientUnchanged)
    const ofApis = changesOf(apis, storedApis, isApiUnchanged)
    const [before, after] = [known.defaultApi, declared.defaultApi]
    const differences: Differences = {
      clients: ofClients.changes,
      apis: ofApis.changes,
      defaultApi: before === after ? undefined : { before, after },
      conflicts: [
        ...ofApis.foreign.map(({ settings, origin }) => ({ name: `the API ${settings.audience}`, origin })),
        ...ofClients.foreign.map(({ settings, origin }) => ({ name: `the client ${settings.clientId}`, origin })),
      ],
    }
    return { differences, names: { clientIds: [...clients.keys()].sort(), audiences: [...apis.keys()].sort() } }
  }

  /**
   * First the names of all that is or will be declared, so that what is written before a crash is known; then the records;
   * then the names that stay. The version of it, or `undefined` where another server was there in between.
   */
  async function write({
    differences,
    next,
    known,
  }: {
    differences: Differences
    next: Declared
    known: ReadDeclared
  }) {
    const meanwhile = {
      clientIds: [...new Set([...known.clientIds, ...next.clientIds])],
      audiences: [...new Set([...known.audiences, ...next.audiences])],
      defaultApi: known.defaultApi,
      replaced: next.replaced,
    }
    let { version } = known
    if (!isEmpty(differences)) {
      if (!(await note.write(meanwhile, known))) return undefined
      version += 1
    }
    const [staying, leaving] = [differences.apis.filter(isKept), differences.apis.filter(isRemoved)]
    const lost = [
      ...(await writes.apis(staying, 'file')),
      ...(await writes.clients(differences.clients, 'file')),
      ...(await writes.apis(leaving, 'file')),
    ]
    if (lost.length > 0) return undefined
    const isLast = await registryLog.change(['declared'], () => note.write(next, { ...known, version }))
    return isLast ? version + 1 : undefined
  }
}

/** A secret that the file only references is taken from the store. */
function withSecrets(
  apis: readonly ApiSettings[],
  stored: ReadonlyMap<string, Registered<ApiSettings>>,
): ApiSettings[] {
  const problems: string[] = []
  const whole = apis.map(({ secretSha256: named, ...api }): ApiSettings => {
    const secret = stored.get(api.audience)?.settings.secret
    if (named === undefined) return api
    if (secret !== undefined && secretSha256(secret) === named) return { ...api, secret }
    problems.push(
      `The API ${api.audience} names its secret by secret_sha256, and the store has no such secret; give token.secret or token.secret_file.`,
    )
    return api
  })
  if (problems.length > 0) throw new ConfigInvalid(problems)
  return whole
}

function nothing({ version }: ReadDeclared): Applied {
  const differences = { apis: [], clients: [], defaultApi: undefined, conflicts: [] }
  return { differences, version, replacedAnother: false, kept: undefined }
}

/** The digests of the files before this one, the latest first; its own too while it is an old file that removes nothing. */
function replacedBy(digest: string, known: Declared, because: 'not_allowed' | 'replaced' | undefined): string[] {
  const all = new Set([known.digest ?? digest, ...(known.replaced ?? [])])
  if (because !== 'replaced') all.delete(digest)
  return [...all].slice(0, MOST_REPLACED)
}

/** Why records that the file no longer declares are left as they are; `undefined` where they go. */
function keepsBecause(digest: string, known: Declared, { removes }: ApplyOptions) {
  if (removes === 'nothing') return 'not_allowed' as const
  return removes === 'not_replaced' && known.replaced?.includes(digest) === true ? ('replaced' as const) : undefined
}

/** What is left as it is stays among the declared names, so that a later plan shows it. */
function leaving(compared: Compared, because: 'not_allowed' | 'replaced' | undefined) {
  const { differences, names } = compared
  const left = removedNames(differences)
  if (because === undefined || left.length === 0) return { ...compared, kept: undefined }
  const withLeft = (all: readonly string[], changes: readonly { readonly id: string; readonly after: unknown }[]) =>
    [...all, ...changes.filter(isRemoved).map(({ id }) => id)].sort()
  return {
    differences: {
      ...differences,
      clients: differences.clients.filter(isKept),
      apis: differences.apis.filter(isKept),
    },
    names: {
      clientIds: withLeft(names.clientIds, differences.clients),
      audiences: withLeft(names.audiences, differences.apis),
    },
    kept: { names: left, because },
  }
}

interface Compared {
  readonly differences: Differences
  readonly names: Pick<Declared, 'clientIds' | 'audiences'>
}

function isRemoved(change: { readonly after: unknown }): boolean {
  return !isKept(change)
}

function isKept({ after }: { readonly after: unknown }): boolean {
  return after !== undefined
}

function judge({ clients }: Differences, { refusalOf }: ApplyOptions): void {
  const problems = clients.flatMap(({ id, after }) => {
    const refusal = after && refusalOf?.(after)
    return refusal === undefined ? [] : [`client ${id}: ${refusal}.`]
  })
  if (problems.length > 0) throw new ConfigInvalid(problems)
}

function isNoted(next: Declared, known: Declared): boolean {
  const textOf = ({ clientIds, audiences, defaultApi, digest, replaced = [] }: Declared) =>
    JSON.stringify([clientIds, audiences, defaultApi, digest, replaced])
  return textOf(next) === textOf(known)
}

async function stored<Settings>(records: Records<Settings>, ids: readonly string[]) {
  const found = await records.readMany(ids)
  return new Map(ids.flatMap((id, at) => (found[at] === undefined ? [] : [[id, found[at]] as const])))
}

function declaredIn<Settings>(
  records: readonly ({ readonly origin: string; readonly settings: Settings } | undefined)[],
): Settings[] {
  return records.flatMap((record) => (record?.origin === 'file' ? [record.settings] : []))
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function digestOf({ apis, clients, defaultApi }: Declarations): string {
  const texts = [...apis.map(apiText), ...clients.map(clientText)].sort()
  return createHash('sha256')
    .update(JSON.stringify([texts, defaultApi]))
    .digest('base64url')
}
