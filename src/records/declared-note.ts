/** The names that grantor.yaml declared when it was last applied, so that names removed from the file are known. */

import type { Sealer } from '../base/sealing.ts'
import { keys } from '../store/keys.ts'
import { over } from '../store/over.ts'
import type { Store } from '../store/store.ts'

export interface Declared {
  readonly clientIds: readonly string[]
  readonly audiences: readonly string[]
  /** The API of tokens for which no resource was asked. */
  readonly defaultApi?: string | undefined
  /** Names what was declared; absent while it is being applied. */
  readonly digest?: string | undefined
  /** What was declared before, the latest first, by digest. */
  readonly replaced?: readonly string[] | undefined
}

/** With the version of the record; 0 where nothing was ever declared. */
export type ReadDeclared = Declared & { readonly version: number }

export interface DeclaredNote {
  read(): Promise<ReadDeclared>
  /** Replaces what was read. `false`: another server was first. */
  write(declared: Declared, read: ReadDeclared): Promise<boolean>
}

export function createDeclaredNote({
  store,
  sealer,
}: {
  readonly store: Store
  readonly sealer: Sealer
}): DeclaredNote {
  const key = keys.declared()

  return {
    async read() {
      const entry = await store.get(key)
      if (entry === undefined) return { clientIds: [], audiences: [], version: 0 }
      return { ...(JSON.parse(sealer.open(entry.value, key)) as Declared), version: entry.version }
    },

    async write({ clientIds, audiences, defaultApi, digest, replaced }, { version }) {
      const text = JSON.stringify({ clientIds, audiences, defaultApi, digest, replaced })
      const outcome = await store.put(key, sealer.seal(text, key), over(version === 0 ? undefined : { version }))
      return outcome === 'stored'
    },
  }
}
