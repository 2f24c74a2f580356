/**
 * The body of a request, read once and given to the engine as a whole.
 *
 * The engine iterates over the request. For that Node builds an iterator and several listeners for the end of the
 * stream. Our body is one chunk instead. A request whose body was read already can still be given to the engine.
 */

import type { IncomingMessage } from 'node:http'

import { hasTooManyParameters } from './parameters.ts'

/** The engine refuses a longer body (lib/shared/selective_body.js). */
export const ENGINE_MOST_BYTES = 56 * 1024

/**
 * Resolves with the body, or with its beginning when it is longer than `mostBytes`; the rest is discarded. Throws when
 * the connection ends first. The request stays paused until `resume`: the engine takes a request that has ended as one
 * without a body.
 */
export function readBody(req: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const declared = Number(req.headers['content-length'] ?? Number.NaN)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let received = 0

    function take(chunk: Buffer): void {
      chunks.push(chunk)
      received += chunk.length
      // Node lets no more through than was declared.
      if (received === declared || received > mostBytes) finish()
    }
    function finish(): void {
      stop()
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, received))
    }
    function fail(): void {
      stop()
      reject(new Error('the connection ended before the body'))
    }
    function stop(): void {
      req.pause()
      req.off('data', take)
      req.off('end', finish)
      req.off('close', fail)
    }

    if (req.destroyed) return fail()
    req.on('data', take)
    req.on('end', finish)
    req.on('close', fail)
  })
}

/** Lets the engine find a changed body, whether or not it was read and handed over before. */
export function changeBody(req: IncomingMessage, change: (body: Buffer) => Buffer): void {
  handBody(req)
  const before = req.iterator?.bind(req) as () => AsyncGenerator<Buffer, undefined>
  req.iterator = async function* changed(): AsyncGenerator<Buffer, undefined> {
    for await (const body of before()) yield change(body)
    return undefined
  }
}

/**
 * Lets the engine find the result of `read` as the body of this request. The first caller decides. When `read` throws,
 * the engine answers with `invalid_request`.
 */
export function handBody(req: IncomingMessage, read = () => readBody(req, ENGINE_MOST_BYTES)): void {
  if (Object.hasOwn(req, 'iterator')) return
  req.iterator = async function* whole(): AsyncGenerator<Buffer, undefined> {
    const body = await read()
    req.resume()
    if (hasTooManyParameters(body)) throw new Error('the body has too many parameters')
    yield body
    return undefined
  }
}
