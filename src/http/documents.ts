/** Discovery and JWKS from memory: readable from every origin, cacheable, and revalidated by ETag. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { PreparedDocument } from '../engine/port.ts'

export function sendDocument(
  req: IncomingMessage,
  res: ServerResponse,
  { body, etag }: PreparedDocument,
  maxAgeSeconds: number,
): void {
  res.setHeader('Content-Type', 'application/json; charset=utf-8')
  res.setHeader('Cache-Control', `public, max-age=${maxAgeSeconds}`)
  res.setHeader('ETag', etag)
  res.setHeader('Access-Control-Allow-Origin', '*')
  res.setHeader('Cross-Origin-Resource-Policy', 'cross-origin')
  res.setHeader('Vary', 'Origin')
  if (req.headers['if-none-match'] === etag) {
    res.statusCode = 304
    res.end()
    return
  }
  res.setHeader('Content-Length', body.byteLength)
  res.end(req.method === 'HEAD' ? undefined : body)
}
