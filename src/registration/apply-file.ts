/** The file of a server: applies what it declares, and says in the log what that changed. */

import type { Log } from '../audit/log.ts'
import type { LiveApis } from '../apis/apis.ts'
import type { LiveKeyring } from '../keyring/keyring.ts'
import type { ClientSettings } from '../registry/client/client.ts'
import { countsOf, type Declarations, isEmpty, removedNames } from './differences.ts'
import type { Registration } from './open-registry.ts'

export interface FileOfServer {
  /** Throws `ConfigInvalid` before anything is written, `StoreUnavailable`. */
  apply(declared: Declarations): Promise<void>
  /** Writes again what the store has lost, unless another file was applied since. Throws `StoreUnavailable`. */
  repair(): Promise<void>
}

export interface FileOfServerParts {
  readonly registration: Pick<Registration, 'file'>
  readonly apis: LiveApis
  readonly keyring: Pick<LiveKeyring, 'serveApi'>
  readonly log: Log
  readonly refusalOf: (client: ClientSettings) => string | undefined
  /** Whether what the file no longer declares is removed. */
  readonly allowDelete: boolean
}

export function createFileOfServer(parts: FileOfServerParts): FileOfServer {
  let last: Declarations | undefined
  return {
    async apply(declared) {
      await applyFile(declared, parts)
      last = declared
    },

    async repair() {
      if (last !== undefined) await parts.registration.file.apply(last, { onlyIfLast: true })
    },
  }
}

async function applyFile(
  { apis, clients, defaultApi }: Declarations,
  { registration, apis: live, keyring, log, refusalOf, allowDelete }: FileOfServerParts,
): Promise<void> {
  const { differences, version, replacedAnother, kept } = await registration.file.apply(
    { apis, clients, defaultApi },
    { refusalOf, removes: allowDelete ? 'not_replaced' : 'nothing' },
  )
  await live.settled()
  // Also for APIs of another origin, which this ring may not know: it may be of another time.
  for (const { algorithm, accessTokenSeconds: tokenSeconds } of live.listApis()) {
    await keyring.serveApi({ algorithm, tokenSeconds })
  }
  for (const { name, origin } of differences.conflicts) {
    log.event('declaration_skipped', { name, origin })
  }
  for (const name of removedNames(differences)) log.event('declaration_removed', { name })
  for (const name of kept?.names ?? []) {
    const isOld = kept?.because === 'replaced'
    log.event(isOld ? 'declaration_not_removed_by_old_file' : 'declaration_not_removed', { name })
  }
  if (isEmpty(differences)) return
  const counts = countsOf(differences)
  log.event(replacedAnother ? 'declarations_replaced' : 'declarations_applied', { version, ...counts })
}
