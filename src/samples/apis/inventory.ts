/** The Inventory API, on Express: the stock, for every token with `inventory:read`. */

import express from 'express'
import { createVerifier, expressBearer } from 'grantor/resource'

import type { Api, ApiOptions } from './api.ts'
import { corsHeaders } from './cors.ts'

export const INVENTORY = 'https://inventory.example'

const ITEMS = [
  { item: 'Pocket watch', left: 3 },
  { item: 'Tea set', left: 12 },
  { item: 'Deck of cards', left: 52 },
]

export function inventoryApi({ allowedOrigin, audience = INVENTORY, ...others }: ApiOptions): Api {
  const verifier = createVerifier({ audience, ...others })
  const app = express().disable('x-powered-by').disable('etag')

  app.use(function cors(req, res, next) {
    res.set(corsHeaders(req.headers.origin, { allowedOrigin, methods: ['GET'] }))
    res.set({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' })
    if (req.method === 'OPTIONS') res.status(204).end()
    else next()
  })
  app.get('/items', expressBearer(verifier, { scopes: ['inventory:read'] }), (_req, res) => {
    res.json({ items: ITEMS })
  })
  app.use((_req, res) => {
    const body = { type: 'about:blank', status: 404, detail: 'There is nothing at this address.' }
    res.status(404).type('application/problem+json').send(JSON.stringify(body))
  })
  return { handler: app, close: () => verifier.close() }
}
