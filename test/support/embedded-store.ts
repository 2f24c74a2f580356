/** An embedded store for one test: in a directory of its own, closed and removed when the test has finished. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'

import type { Clock } from '../../src/base/clock.ts'
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts'
import type { Key, Store } from '../../src/store/store.ts'

export async function openTestStore(clock: Clock): Promise<Store> {
  const [store] = await openTestStores(clock, 1)
  return store as Store
}

/** So many stores on one file, as so many processes of one machine have them. */
export async function openTestStores(clock: Clock, count: number): Promise<Store[]> {
  const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  const file = join(directory, 'store.sqlite')
  const stores = await Promise.all(Array.from({ length: count }, () => openEmbeddedStore({ file, clock })))
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()))
    await rm(directory, { recursive: true, force: true })
  })
  return stores
}

/** The live keys of a kind in the file of a server, whether they have an end or not. */
export function keysInFile(dataDir: string, kind: string): Key[] {
  const database = new DatabaseSync(join(dataDir, 'grantor.db'), { readOnly: true })
  try {
    const live = database.prepare("SELECT key FROM entry WHERE key LIKE ? || ':%' AND expires_at_ms > ? ORDER BY key")
    return live.all(kind, Date.now()).map(({ key }) => key as Key)
  } finally {
    database.close()
  }
}

/** The pages that are in use in the file of a server, whether they are checkpointed or not. */
export function bytesInFile(dataDir: string): number {
  const database = new DatabaseSync(join(dataDir, 'grantor.db'), { readOnly: true })
  try {
    const read = (pragma: string) => Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0])
    return (read('page_count') - read('freelist_count')) * read('page_size')
  } finally {
    database.close()
  }
}
