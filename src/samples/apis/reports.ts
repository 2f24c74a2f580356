/** The Reports API, on nothing but node:http: what the caller may know of last month. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import { createVerifier, nodeBearer } from 'grantor/resource'

import type { Handler } from '../listen.ts'
import type { ApiOptions } from './api.ts'
import { corsHeaders } from './cors.ts'

export const REPORTS = 'https://reports.example'

export function reportsApi({ issuer, allowedOrigin, audience = REPORTS, ...tolerance }: ApiOptions): Handler {
  const bearer = nodeBearer(createVerifier({ issuer, audience, ...tolerance }), { scopes: ['reports:read'] })

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.setHeaders(new Map(Object.entries(corsHeaders(req.headers.origin, { allowedOrigin, methods: ['GET'] }))))
    res.setHeader('X-Content-Type-Options', 'nosniff').setHeader('Cache-Control', 'no-store')
    if (req.method === 'OPTIONS') {
      res.writeHead(204).end()
      return
    }
    if (req.method !== 'GET' || req.url?.split('?')[0] !== '/reports') {
      res.writeHead(404, { 'Content-Type': 'application/problem+json' })
      res.end(JSON.stringify({ type: 'about:blank', status: 404, detail: 'There is nothing at this address.' }))
      return
    }
    const token = await bearer(req, res)
    if (token === undefined) return
    const reports = [{ title: 'Tea served last month', cups: 1865, preparedFor: token.subject }]
    res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ reports }))
  }

  return function reports(req, res) {
    // Nothing above is expected to throw; if it does, the caller gets an answer and nothing of the reason.
    answer(req, res).catch(() => res.writeHead(500).end())
  }
}
