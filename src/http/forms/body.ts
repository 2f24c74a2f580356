/**
 * Reading a request's body within a bound.
 *
 * Bytes are counted as they come and reading stops at the limit, so that no claim in a header decides how much memory a
 * request may use.
 */

import type { IncomingMessage } from 'node:http'

import { BodyRefused } from '../../faults/requests.ts'
import { readBody } from '../../engine/port.ts'

export interface BodyBound {
  readonly mostBytes: number
  /** Said with the 413. */
  readonly tooLarge: string
  /** Said with the 400 to a body whose end does not come. */
  readonly cutOff: string
}

/** Throws `BodyRefused`: 413 too large, 400 cut off. */
export async function readBoundedBody(
  req: IncomingMessage,
  { mostBytes, tooLarge, cutOff }: BodyBound,
): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > mostBytes) throw new BodyRefused(413, tooLarge)
  const body = await readBody(req, mostBytes).catch(() => {
    throw new BodyRefused(400, cutOff)
  })
  // Left paused, not destroyed: the refusal must still go out on this connection, which then closes.
  if (body.length > mostBytes) throw new BodyRefused(413, tooLarge)
  req.resume()
  return body
}
