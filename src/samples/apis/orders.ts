/** The Orders API, on Koa: each caller's own orders, one scope to read them and another to place one. */

import type { IncomingMessage } from 'node:http'

import { type BearerState, createVerifier, koaBearer } from 'grantor/resource'
import Koa, { type Context, type ParameterizedContext } from 'koa'

import type { Api, ApiOptions } from './api.ts'
import { corsHeaders } from './cors.ts'

export const ORDERS = 'https://orders.example'

interface Order {
  readonly id: number
  readonly item: string
}

/** The orders that every person has from the start. */
const FIRST_ORDERS: readonly Order[] = [{ id: 1, item: 'A pocket watch, slightly late' }]

const MAX_BODY_BYTES = 4096
const MAX_ORDERS = 100

export function ordersApi({ allowedOrigin, audience = ORDERS, ...others }: ApiOptions): Api {
  const verifier = createVerifier({ audience, ...others })
  const mayRead = koaBearer(verifier, { scopes: ['orders:read'] })
  const mayWrite = koaBearer(verifier, { scopes: ['orders:write'] })
  // By subject: each caller sees only their own orders. In memory, for as long as the sample runs.
  const ordersOf = new Map<string, readonly Order[]>()

  async function list(ctx: ParameterizedContext<BearerState>): Promise<void> {
    ctx.body = { orders: ordersOf.get(ctx.state.token.subject) ?? FIRST_ORDERS }
  }

  async function place(ctx: ParameterizedContext<BearerState>): Promise<void> {
    const item = await readItem(ctx.req)
    if (item === undefined) return problem(ctx, 400, 'Send {"item": "…"} as JSON, at most 200 characters.')
    const orders = ordersOf.get(ctx.state.token.subject) ?? FIRST_ORDERS
    const order = { id: (orders.at(-1)?.id ?? 0) + 1, item }
    ordersOf.set(ctx.state.token.subject, [...orders, order].slice(-MAX_ORDERS))
    ctx.status = 201
    ctx.body = order
  }

  const app = new Koa<BearerState>()
  app.use(async function cors(ctx, next) {
    ctx.set(corsHeaders(ctx.get('Origin') || undefined, { allowedOrigin, methods: ['GET', 'POST'] }))
    ctx.set({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' })
    if (ctx.method !== 'OPTIONS') return next()
    ctx.status = 204
  })
  app.use(async function route(ctx) {
    if (ctx.path !== '/orders') return problem(ctx, 404, 'There is nothing at this address.')
    if (ctx.method === 'GET') return mayRead(ctx, () => list(ctx))
    if (ctx.method === 'POST') return mayWrite(ctx, () => place(ctx))
    ctx.set('Allow', 'GET, POST')
    problem(ctx, 405, 'Orders can be read (GET) and placed (POST).')
  })
  return { handler: app.callback(), close: () => verifier.close() }
}

async function readItem(req: IncomingMessage): Promise<string | undefined> {
  let text = ''
  for await (const chunk of req.setEncoding('utf8')) {
    text += chunk
    if (text.length > MAX_BODY_BYTES) return undefined
  }
  try {
    const { item } = JSON.parse(text) as { item?: unknown }
    return typeof item === 'string' && item.length > 0 && item.length <= 200 ? item : undefined
  } catch {
    return undefined
  }
}

function problem(ctx: Context | ParameterizedContext<BearerState>, status: number, detail: string): void {
  ctx.status = status
  ctx.type = 'application/problem+json'
  ctx.body = JSON.stringify({ type: 'about:blank', status, detail })
}
