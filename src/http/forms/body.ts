/**
 * Reading a request's body within a bound.
 *
 * Bytes are counted as they come and reading stops at the limit, so that no claim in a header decides how much memory a
 * request may use.
 */

import type { IncomingMessage } from 'node:http'

import { BodyRefused } from '../../faults/requests.ts'
import { readBody } from '../../engine/port.ts'

/** Throws `BodyRefused`: 413 too large, 400 cut off. */
export async function readBoundedBody(req: IncomingMessage, mostBytes: number): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > mostBytes) throw new BodyRefused('too_large')
  const body = await readBody(req, mostBytes).catch(() => {
    throw new BodyRefused('cut_off')
  })
  // Left paused, not destroyed: the refusal must still go out on this connection, which then closes.
  if (body.length > mostBytes) throw new BodyRefused('too_large')
  req.resume()
  return body
}
