/** Random texts and bytes that cannot be guessed. */

import { randomFillSync } from 'node:crypto'

const HANDLE_BYTES = 32
const STOCK_BYTES = 4096

const draw = createStock()

/** A random base64url text of 32 bytes (43 characters, 256 bits) unless set, and at most 4096. */
export function randomId(bytes = HANDLE_BYTES): string {
  return draw(bytes, (stock, from) => stock.toString('base64url', from, from + bytes))
}

/** Random bytes, at most 4096, for a value that must not repeat, such as a nonce. */
export function randomNonce(bytes: number): Buffer {
  return draw(bytes, (stock, from) => Buffer.from(stock.subarray(from, from + bytes)))
}

/** The id of an error: ten characters that a person can read over the telephone. */
export function newErrorId(): string {
  return randomNonce(5).toString('hex')
}

/** Node asks OpenSSL for each draw, which costs about as much for 32 bytes as for 4096. So bytes are drawn in stock. */
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
    // Bytes that were given out are overwritten.
    stock.fill(0, left, left + bytes)
    return taken
  }
}
