/**
 * Listing keys, over every primary of the Redis.
 *
 * A cursor names the primary that is being walked and how far. When that one is no longer there (a failover), the walk
 * begins again: keys may then come twice, but none is missed.
 */

import type { RedisConnection } from './connection/connection.ts'
import { unavailable } from './connection/faults.ts'
import type { RedisLink } from './connection/link.ts'

export interface KeyPage {
  readonly keys: string[]
  readonly next?: string
}

/** Entries whose keys begin with `beginning`; some only, with a cursor, or the rest without one. */
export async function listEntries(
  connection: RedisConnection,
  beginning: string,
  limit: number,
  cursor: string | undefined,
): Promise<KeyPage> {
  if (!connection.isReady) throw unavailable(connection.lastReason)
  const primaries = connection.links()
  const match = `${escapePattern(beginning)}*`
  let { at, position } = placeOf(cursor, primaries)
  for (; at < primaries.length; at++) {
    const primary = primaries[at] as RedisLink
    do {
      const [next, keys] = await scan(primary, position, match, limit)
      position = next
      if (keys.length > 0) return { keys: [...new Set(keys)], ...cursorAt(primaries, at, position) }
    } while (position !== DONE)
  }
  return { keys: [] }
}

const DONE = '0'

function placeOf(cursor: string | undefined, primaries: readonly RedisLink[]): { at: number; position: string } {
  const [name, position = DONE] = cursor?.split('/') ?? []
  const at = primaries.findIndex((primary) => primary.name === name)
  return at < 0 ? { at: 0, position: DONE } : { at, position }
}

async function scan(primary: RedisLink, position: string, match: string, limit: number): Promise<[string, string[]]> {
  try {
    return await primary.reader.scan(position, 'MATCH', match, 'COUNT', limit, 'TYPE', 'hash')
  } catch (cause) {
    throw unavailable(cause)
  }
}

function cursorAt(primaries: readonly RedisLink[], at: number, position: string): { next?: string } {
  if (position !== DONE) return { next: `${(primaries[at] as RedisLink).name}/${position}` }
  const following = primaries[at + 1]
  return following === undefined ? {} : { next: `${following.name}/${DONE}` }
}

function escapePattern(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&')
}
