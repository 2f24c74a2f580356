/**
 * What stands for a key in a record of spent keys of Redis (scripts/parts/spend.lua): 64 bits of its SHA-256, in 12 characters.
 *
 * The same bits are its row id in the embedded store, so that a backup of one can be restored into the other.
 */

import { rowIdOf } from './embedded/statements.ts'
import type { Key } from './store.ts'

export function spentTag(key: Key): string {
  return tagOfBits(BigInt.asUintN(64, rowIdOf(key)))
}

/** The last byte is always 0: a tag is a whole number of characters. */
export function tagOfBits(bits: bigint): string {
  const bytes = Buffer.alloc(9)
  bytes.writeBigUInt64BE(bits)
  return bytes.toString('base64url')
}
