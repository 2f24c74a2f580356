/**
 * A token that is longer than any of ours, at the endpoints that are asked about tokens.
 *
 * The engine answers a body of more than 56 KiB with an error, before it knows who asks. An unknown token has one answer
 * there (RFC 7662 section 2.2, RFC 7009 section 2.2), of whatever length it is; so a long one is taken out of the body
 * while that is read, and the engine finds a short unknown one. Bodies stay bounded all the same.
 */

import type { IncomingMessage } from 'node:http'

import { ENGINE_MOST_BYTES, handBody, readBody } from './request-body.ts'
import { ENGINE_PATHS } from './routes.ts'

const MOST_BYTES = 256 * 1024
/** Nobody takes a header above 16 KB, so no token that is longer was ever used. */
const LONGEST_TOKEN = 16_384

const PATHS = new Set<string>([ENGINE_PATHS.introspection, ENGINE_PATHS.revocation])

export function shortenLongToken(req: IncomingMessage, path: string): void {
  const length = Number(req.headers['content-length'])
  if (!PATHS.has(path) || !(length > ENGINE_MOST_BYTES && length <= MOST_BYTES)) return
  // The length was that of the whole body; Node has the connection to its word already.
  delete req.headers['content-length']
  req.headers['transfer-encoding'] = 'chunked'
  handBody(req, async () => Buffer.from(shorten(String(await readBody(req, MOST_BYTES)))))
}

function shorten(body: string): string {
  const pairs = [...new URLSearchParams(body)].map(([name, value]): [string, string] => {
    return [name, name === 'token' && value.length > LONGEST_TOKEN ? 'too-long' : value]
  })
  return new URLSearchParams(pairs).toString()
}
