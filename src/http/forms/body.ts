/**
 * Reading a request's body within a bound.
 *
 * Bytes are counted as they come and reading stops at the limit, so that no claim in a header decides how much memory a
 * request may use.
 */

import type { IncomingMessage } from 'node:http'

import { BodyRefused } from '../../base/faults.ts'

export interface BodyBound {
  readonly mostBytes: number
  /** Said with the 413. */
  readonly tooLarge: string
  /** Said with the 400 to a body whose end does not come. */
  readonly cutOff: string
}

/** Throws `BodyRefused`: 413 too large, 400 cut off. */
export function readBody(req: IncomingMessage, { mostBytes, tooLarge, cutOff }: BodyBound): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0

  function onData(chunk: Buffer): void {
    size += chunk.length
    if (size <= mostBytes) chunks.push(chunk)
    else reject(new BodyRefused(413, tooLarge))
  }
  const onEnd = () => resolve(Buffer.concat(chunks, size))
  const onGone = () => reject(new BodyRefused(400, cutOff))

  if (Number(req.headers['content-length'] ?? 0) > mostBytes) {
    reject(new BodyRefused(413, tooLarge))
  } else {
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  }
  // Paused, not destroyed: the refusal must still go out on this connection, which then closes.
  return promise.finally(() => {
    req.off('data', onData).off('end', onEnd).off('close', onGone)
    req.pause()
  })
}
