/** Identifiers that nobody can guess. */

import { randomFillSync } from 'node:crypto'

const HANDLE_BYTES = 32
const STOCK_BYTES = 4096

/** A random base64url text; 32 bytes (43 characters, 256 bits) unless told otherwise, and at most 4096. */
export const randomId = fromStock()

/** Node asks OpenSSL for each draw, which costs about as much for 32 bytes as for 4096: so they are drawn in stock. */
function fromStock(): (bytes?: number) => string {
  const stock = Buffer.alloc(STOCK_BYTES)
  let left = 0

  return function randomId(bytes = HANDLE_BYTES) {
    if (bytes > STOCK_BYTES) throw new TypeError(`no id has ${bytes} bytes`)
    if (bytes > left) {
      randomFillSync(stock)
      left = STOCK_BYTES
    }
    left -= bytes
    const id = stock.toString('base64url', left, left + bytes)
    // What was given out is not kept.
    stock.fill(0, left, left + bytes)
    return id
  }
}
