/**
 * What the servers of this data folder have seen of their store, kept for the next start (`store-seen.json`).
 *
 * A store that is set back to an earlier state while no server runs looks complete: an older copy of the file, an older
 * `dump.rdb`. The progress mark in this file shows that the store is behind what it had acknowledged. The file contains
 * no secret. A server that cannot write it continues without it: a container with Redis may have no persistent folder.
 */

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { SeenStore } from './store-loss.ts'

export interface SeenFile {
  /** The last state seen; `undefined` when there is no readable file. */
  read(): SeenFileContent | undefined
  /**
   * Saves the present state. One write at a time: calls during a write are skipped, because a later one contains more.
   */
  write(content: SeenFileContent): void
  /** Resolves when nothing is being written any more. */
  settled(): Promise<void>
}

export interface SeenFileContent extends SeenStore {
  /** The keys that the ring had. */
  readonly keyIds: readonly string[]
}

const FILE = 'store-seen.json'

export function openSeenFile(folder: string): SeenFile {
  const path = join(folder, FILE)
  let writing: Promise<void> | undefined

  return {
    read() {
      try {
        return toContent(JSON.parse(readFileSync(path, 'utf8')))
      } catch {
        return undefined
      }
    },

    write(content) {
      writing ??= replace(path, JSON.stringify(content))
        .catch(() => undefined)
        .finally(() => {
          writing = undefined
        })
    },

    async settled() {
      await writing
    },
  }
}

function toContent(value: Partial<Record<keyof SeenFileContent, unknown>>): SeenFileContent | undefined {
  const { id, epoch, mark, keyIds } = value
  if (typeof id !== 'string' || typeof epoch !== 'number' || typeof mark !== 'number') return undefined
  return { id, epoch, mark, keyIds: Array.isArray(keyIds) ? keyIds.map(String) : [] }
}

/** In one step, so that a server that starts meanwhile reads one state or the other. */
async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}`
  try {
    await writeFile(temporary, text, { mode: 0o600 })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
