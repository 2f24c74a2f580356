/** A reader of `GET /revocations`, as a program that knows only the wire. */

import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'

import { type Clock, epochSeconds, systemClock } from '../../src/base/clock.ts'
import { logs } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import type { Running } from '../support/start.ts'
import { callEndpoint } from '../support/user-agent.ts'

export const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

export interface FeedEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: Record<string, unknown>
}

export interface Reader {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly events: readonly FeedEvent[]
  /** What was revoked, so far. */
  revoked(): unknown[]
  /** The last cursor. */
  cursor(): string | undefined
  until(what: string, condition: (events: readonly FeedEvent[]) => boolean, withinMs?: number): Promise<void>
  /** Resolves when the server has ended the answer. */
  ended(withinMs?: number): Promise<void>
  pause(): void
  resume(): void
  close(): void
}

/** A token that opens the feed. */
export async function feedToken(app: Pick<Running, 'issuer' | 'urls'>, client = MACHINE): Promise<string> {
  const params = { grant_type: 'client_credentials', resource: app.issuer, scope: 'revocations:read' }
  const { body } = await callEndpoint(`${app.urls[0]}/token`, params, client)
  if (body.access_token === undefined) throw new Error(JSON.stringify(body))
  return body.access_token
}

/** Opens a stream. */
export function readFeed(
  url: string,
  token: string,
  { after, lastEventId }: { after?: string | undefined; lastEventId?: string | undefined } = {},
): Promise<Reader> {
  const address = new URL(`${url}/revocations`)
  if (after !== undefined) address.searchParams.set('after', after)
  const headers = {
    accept: 'text/event-stream',
    authorization: `Bearer ${token}`,
    ...(lastEventId && { 'last-event-id': lastEventId }),
  }
  return new Promise((resolve, reject) => {
    const sent = request(address, { headers }, (response) => resolve(follow(response, () => sent.destroy())))
    sent.on('error', reject)
    sent.end()
  })
}

function follow(response: IncomingMessage, close: () => void): Reader {
  const events: FeedEvent[] = []
  let rest = ''
  response.setEncoding('utf8')
  response.on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    events.push(...blocks.map(parse).filter((event) => event !== undefined))
  })
  const end = new Promise<void>((resolve) => {
    response.on('error', () => undefined)
    response.on('close', resolve)
  })
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    revoked: () => events.filter(({ event }) => event === 'revocation').map(({ data }) => nameOf(data)),
    cursor: () => events.findLast(({ id }) => id !== undefined)?.id,
    async until(what, condition, withinMs = 15_000) {
      const deadline = performance.now() + withinMs
      while (!condition(events)) {
        if (performance.now() > deadline)
          throw new Error(`waited in vain until ${what}: ${JSON.stringify(events.slice(-5))}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    },
    ended: (withinMs = 15_000) => before(end, withinMs),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close,
  }
}

function before(end: Promise<void>, withinMs: number): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('the server does not end the stream')), withinMs)
  return Promise.race([end, late]).finally(() => clearTimeout(timer))
}

function parse(block: string): FeedEvent | undefined {
  const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]))
  const event = fields.get('event')
  if (event === undefined) return undefined
  return { event, id: fields.get('id'), data: JSON.parse(fields.get('data') ?? '') as Record<string, unknown> }
}

function nameOf({ jti, gid, sid, kid, client_id: clientId, before }: Record<string, unknown>): unknown {
  return jti ?? gid ?? sid ?? kid ?? clientId ?? before
}

/** Writes to the log as some node does. */
export interface Writer {
  publish(entry: object, keepSeconds?: number): Promise<void>
}

export function writer(store: Pick<Store, 'append'>, clock: Clock = systemClock): Writer {
  return {
    async publish(entry, keepSeconds = 3600) {
      const at = epochSeconds(clock)
      const value = JSON.stringify({ ...entry, at, exp: at + keepSeconds })
      await store.append(logs.revocations, value, keepSeconds)
    },
  }
}

export interface PageBody {
  readonly revocations: readonly (Record<string, unknown> & { readonly id: string })[]
  readonly cursor?: string
  readonly more: boolean
  readonly from_start: boolean
  readonly now: number
}

/** Asks for a page. */
export async function readPage(
  url: string,
  token: string,
  query = '',
): Promise<{ response: Response; body: PageBody }> {
  const response = await fetch(`${url}/revocations${query}`, { headers: { authorization: `Bearer ${token}` } })
  return { response, body: (await response.json()) as PageBody }
}
