/** Random texts and bytes that nobody can guess. */

import { randomFillSync } from 'node:crypto'

const HANDLE_BYTES = 32
const STOCK_BYTES = 4096

const draw = createStock()

/** A random base64url text; 32 bytes (43 characters, 256 bits) unless told otherwise, and at most 4096. */
export function randomId(bytes = HANDLE_BYTES): string {
  return draw(bytes, (stock, from) => stock.toString('base64url', from, from + bytes))
}

/** So many random bytes, at most 4096, to begin something with that must not begin so twice. */
export function randomNonce(bytes: number): Buffer {
  return draw(bytes, (stock, from) => Buffer.from(stock.subarray(from, from + bytes)))
}

/** Node asks OpenSSL for each draw, which costs about as much for 32 bytes as for 4096: so they are drawn in stock. */
function createStock() {
  const stock = Buffer.alloc(STOCK_BYTES)
  let left = 0

  return function draw<T>(bytes: number, take: (stock: Buffer, from: number) => T): T {
    if (bytes > STOCK_BYTES) throw new TypeError(`${bytes} random bytes are more than are kept`)
    if (bytes > left) {
      randomFillSync(stock)
      left = STOCK_BYTES
    }
    left -= bytes
    const taken = take(stock, left)
    // What was given out is not kept.
    stock.fill(0, left, left + bytes)
    return taken
  }
}
