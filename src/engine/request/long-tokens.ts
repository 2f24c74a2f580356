/**
 * Tokens that are longer than any of ours, at the endpoints that take a token as parameter.
 *
 * The engine answers a body of more than 56 KiB with an error before it knows the caller. An unknown token of any
 * length must get the same response there (RFC 7662 section 2.2, RFC 7009 section 2.2). So a long token is cut out of
 * the body before the engine reads it, and the engine finds a short unknown one. The caller is not authenticated yet,
 * so nothing is decoded and the work is one pass over the bytes.
 */

import type { IncomingMessage } from 'node:http'

import { hasTooManyParameters } from './parameters.ts'
import { ENGINE_MOST_BYTES, handBody, readBody } from './body.ts'
import { ENGINE_PATHS } from '../paths.ts'

/** The largest body that is read at these endpoints. */
export const LONG_TOKEN_MOST_BYTES = 256 * 1024
/** No server accepts a header above 16 KB, so a longer token was never in use. */
const LONGEST_TOKEN = 16_384

const PATHS = new Set<string>([ENGINE_PATHS.introspection, ENGINE_PATHS.revocation])

export function shortenLongToken(req: IncomingMessage, path: string): void {
  const length = Number(req.headers['content-length'])
  if (!PATHS.has(path) || !(length > ENGINE_MOST_BYTES && length <= LONG_TOKEN_MOST_BYTES)) return
  // The length was that of the whole body; Node has the connection to its word already.
  delete req.headers['content-length']
  req.headers['transfer-encoding'] = 'chunked'
  handBody(req, async () => shorten(await readBody(req, LONG_TOKEN_MOST_BYTES)))
}

const NAME = Buffer.from('token=')
const SHORT = Buffer.from('token=too-long')
const SEPARATOR = '&'

/** The same body with each long token replaced. One with too many parameters stays as it is: it is refused later. */
function shorten(body: Buffer): Buffer {
  if (hasTooManyParameters(body)) return body
  const kept: Buffer[] = []
  for (let from = 0; from < body.length; ) {
    const found = body.indexOf(SEPARATOR, from)
    const end = found < 0 ? body.length : found + 1
    const parameter = body.subarray(from, end)
    kept.push(isLongToken(parameter) ? shortened(found >= 0) : parameter)
    from = end
  }
  return Buffer.concat(kept)
}

function isLongToken(parameter: Buffer): boolean {
  return parameter.length > NAME.length + LONGEST_TOKEN && NAME.equals(parameter.subarray(0, NAME.length))
}

function shortened(hasMore: boolean): Buffer {
  return hasMore ? Buffer.concat([SHORT, Buffer.from(SEPARATOR)]) : SHORT
}
