/** A revocation feed with a thousand live entries, none of which covers a token of this bench. */

import type { ServerResponse } from 'node:http'

import type { StrangeIssuer } from '../../../test/resource/issuer.ts'

const ENTRIES = 1000
const EVERY_SECONDS = 5

/** Gives a function that ends it. */
export function serveFeed(at: StrangeIssuer): () => void {
  const readers = new Set<ServerResponse>()
  const beat = setInterval(() => readers.forEach(sayCurrent), EVERY_SECONDS * 1000).unref()
  at.answer = (req, res) => {
    if (req.url === '/revocations') {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write(entries())
      sayCurrent(res)
      readers.add(res)
      return true
    }
    if (req.url === '/jwks') return false
    const { issuer, jwksUri: jwks_uri } = at.says
    res.end(JSON.stringify({ issuer, jwks_uri, revocations_endpoint: `${issuer}/revocations` }))
    return true
  }
  return () => clearInterval(beat)
}

function sayCurrent(res: ServerResponse): void {
  const now = Math.floor(Date.now() / 1000)
  res.write(`event: current\nid: ${ENTRIES}\ndata: ${JSON.stringify({ now, every: EVERY_SECONDS })}\n\n`)
}

function entries(): string {
  const at = Math.floor(Date.now() / 1000)
  const names = ['jti', 'gid', 'sid', 'kid', 'client_id']
  return Array.from({ length: ENTRIES }, (_, id) => {
    const entry = { [String(names[id % names.length])]: `gone-${id}`, exp: at + 3600, at }
    return `event: revocation\nid: ${id}\ndata: ${JSON.stringify(entry)}\n\n`
  }).join('')
}
