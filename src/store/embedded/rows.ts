/** Converts rows of the embedded store to entries. */

import type { EntryRow } from './statements.ts'
import type { Consumed, Consumption, Entry, Key } from '../store.ts'

export function toEntry(row: EntryRow, nowMs: number): Entry {
  const [, value, version] = row
  return isConsumed(row) ? { value, version, consumed: toConsumption(row, nowMs) } : { value, version }
}

function isConsumed([, , , consumedAtMs]: EntryRow): boolean {
  return consumedAtMs !== null
}

function toConsumption([, , , atMs, , note, noteExpiresAtMs]: EntryRow, nowMs: number): Consumption {
  return note !== null && (noteExpiresAtMs ?? 0) > nowMs ? { atMs: atMs ?? 0, note } : { atMs: atMs ?? 0 }
}

export function afterTheFirst(row: EntryRow, by: string, nowMs: number): Consumed {
  const [, , , , consumedBy] = row
  if (consumedBy === by) return { outcome: 'won' }
  return { outcome: 'lost', consumed: toConsumption(row, nowMs) }
}

export function rowTaken(key: Key): Error {
  return new Error(`the row of ${key} is that of another key`)
}
