/** What `grantor backup` and `grantor restore` share: the store with its records, and whether servers run on it. */

import { setTimeout as later } from 'node:timers/promises'

import type { Config } from '../../config/config.ts'
import type { Archive } from '../../store/backup/archive.ts'
import { findIdentity, replaceIdentity } from '../../store/identity/identity.ts'
import { keys } from '../../store/keys.ts'
import { openArchive, openStore } from '../../store/open-store.ts'
import type { Store } from '../../store/store.ts'
import { readConfig } from '../domain.ts'
import { Refused } from '../terminal/refused.ts'
import type { Terminal } from '../terminal/terminal.ts'

export interface Stored {
  readonly config: Config
  readonly store: Store
  readonly archive: Archive
}

/** Throws `Refused` when the store cannot be used. */
export async function withArchive(terminal: Terminal, work: (stored: Stored) => Promise<void>): Promise<void> {
  const config = readConfig(terminal)
  const store = await openStore(config, terminal.clock)
  try {
    const { ready, problem } = store.status()
    if (!ready) throw new Refused(problem ?? 'The store is not ready.')
    const archive = await openArchive(config, terminal.clock, store)
    try {
      await work({ config, store, archive })
    } finally {
      await archive.close()
    }
  } finally {
    await store.close()
  }
}

// A server raises the progress mark once a second.
const BEATS_MS = 2500

/** Throws `Refused` while a server runs on the store. */
export async function refuseWhileServed(store: Store): Promise<void> {
  const before = await store.get(keys.progress())
  await later(BEATS_MS)
  const after = await store.get(keys.progress())
  if (after?.version !== before?.version) throw new Refused('Servers run on this store: stop them first.')
}

/** No server and no command uses the store from now on. */
export async function closeStore(store: Store): Promise<void> {
  const found = await findIdentity(store)
  if (found === undefined) throw new Refused('The store has no identity: start a server on it once, then stop it.')
  if (found.identity.state === 'moved') return
  await refuseWhileServed(store)
  if (!(await replaceIdentity(store, found, { ...found.identity, state: 'moved' }))) {
    throw new Refused('Another command changed the store: try again.')
  }
  // A server that was just starting notices within a second.
  await later(BEATS_MS)
}

const SAY_EVERY = 50_000

/** Says now and then how many records there are so far. */
export function progressOn(terminal: Terminal, done: string): (count: number) => void {
  let said = 0
  return (count) => {
    if (count - said < SAY_EVERY) return
    said = count
    terminal.err(`${count} records ${done} …`)
  }
}
