/**
 * What the servers of this data folder have seen of their store, kept for the next start (`store-seen.json`).
 *
 * A store that is set back to an earlier state while no server runs looks whole: an older copy of the file, an older
 * `dump.rdb`. The progress mark in this file tells that it is behind what it had acknowledged. The file holds no secret. A
 * server that cannot write it goes on without: in a container with Redis there may be no folder that lasts.
 */

import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { SeenStore } from './store-loss.ts'

export interface SeenFile {
  /** What was seen last; `undefined` when there is no file, or none that can be read. */
  read(): SeenFileContent | undefined
  /** Keeps what was seen now. One write at a time: what comes meanwhile is skipped, for the next one says more. */
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
  const beside = `${path}.${randomUUID()}`
  try {
    await writeFile(beside, text, { mode: 0o600 })
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}
