/** Identifiers that nobody can guess. */

import { randomBytes } from 'node:crypto'

const HANDLE_BYTES = 32

/** A random base64url text; 32 bytes (43 characters, 256 bits) unless told otherwise. */
export function randomId(bytes: number = HANDLE_BYTES): string {
  return randomBytes(bytes).toString('base64url')
}
