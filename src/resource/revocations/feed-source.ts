/**
 * The revocation feed of the issuer: one address, as a stream or in pages.
 *
 * Its content is parsed strictly. An entry that cannot be parsed ends the connection, so the feed counts as silent; it
 * is never skipped.
 */

import { createEventParser, EventStreamBroken, type ServerSentEvent } from './event-stream.ts'
import type { FeedToken } from './feed-token.ts'
import { addressIn, type Fetch, fetchJson, findMetadata, StatusUnexpected } from '../issuer/metadata.ts'
import type { RevocationEntry } from './revocation-set.ts'

/** An event of the feed. */
export type FeedMessage =
  | { readonly type: 'revocation'; readonly entry: RevocationEntry; readonly cursor: string }
  /** Everything that the server knows up to now has been said; `everySeconds`: it will be said again after so long. */
  | { readonly type: 'current'; readonly cursor: string | undefined; readonly everySeconds: number }
  /** The cursor to resume from was unknown; all entries follow. */
  | { readonly type: 'reset' }

export interface FeedSource {
  /** Yields the events until the server ends the stream. Throws for every other end. */
  stream(reading: StreamReading): Promise<void>
  /** One page; `more` when another is there already. */
  page(after: string | undefined, fetch: Fetch): Promise<FeedPage>
}

export interface StreamReading {
  readonly after: string | undefined
  readonly signal: AbortSignal
  readonly onMessage: (message: FeedMessage) => void
}

export interface FeedPage {
  readonly messages: readonly FeedMessage[]
  readonly cursor: string | undefined
  readonly more: boolean
}

export interface FeedSourceParts {
  readonly issuer: string
  readonly token: FeedToken
  readonly fetch: Fetch
}

/** The server answers, but not with a stream. */
export class NoStream extends Error {}

const STREAM = 'text/event-stream'
const PAGE = 500

export function createFeedSource({ issuer, token, fetch }: FeedSourceParts): FeedSource {
  let address: string | undefined

  async function find(): Promise<string> {
    address ??= addressIn(await findMetadata(issuer, fetch), 'revocations_endpoint')
    return address
  }

  /** What does not work any more is looked up again. */
  function doubt(status: number): void {
    if (status === 401 || status === 403) token.forget()
    if (status === 404) address = undefined
  }

  async function open(after: string | undefined, signal: AbortSignal): Promise<Response> {
    const response = await fetch(await find(), {
      headers: {
        accept: STREAM,
        authorization: `Bearer ${await token.get()}`,
        'cache-control': 'no-store',
        ...(after === undefined ? {} : { 'last-event-id': after }),
      },
      redirect: 'error',
      signal,
    })
    doubt(response.status)
    return response
  }

  async function readPage(after: string | undefined, fetchPage: Fetch): Promise<FeedPage> {
    const headers = { authorization: `Bearer ${await token.get()}`, 'cache-control': 'no-store' }
    const url = new URL(await find())
    url.searchParams.set('limit', String(PAGE))
    if (after !== undefined) url.searchParams.set('after', after)
    const { body } = await fetchJson(url.href, fetchPage, headers)
    return pageOf(body, after)
  }

  return {
    async stream({ after, signal, onMessage }) {
      let response = await open(after, signal)
      // A token that was kept may have ended since; to come with another one needs no pause.
      if (response.status === 401) response = await open(after, signal)
      if (response.status === 406) throw new NoStream('the server has no stream')
      if (response.status !== 200) throw new StatusUnexpected(response.status)
      if (response.headers.get('content-type')?.split(';')[0]?.trim() !== STREAM || response.body === null) {
        throw new NoStream('the answer is no stream')
      }
      const parser = createEventParser((event) => {
        const message = messageOf(event)
        if (message !== undefined) onMessage(message)
      })
      for await (const bytes of response.body) parser.push(bytes)
    },

    async page(after, fetchPage) {
      for (let attempt = 0; ; attempt++) {
        try {
          return await readPage(after, fetchPage)
        } catch (error) {
          const { cause } = error as Error
          if (!(cause instanceof StatusUnexpected)) throw error
          doubt(cause.status)
          if (cause.status !== 401 || attempt > 0) throw error
        }
      }
    },
  }
}

function messageOf({ type, data, id }: ServerSentEvent): FeedMessage | undefined {
  switch (type) {
    case 'revocation':
      if (id === undefined) throw new EventStreamBroken('has an entry without id')
      return { type, entry: entryOf(parse(data)), cursor: id }
    case 'current': {
      const { every } = parse(data)
      return { type, cursor: id, everySeconds: typeof every === 'number' && every > 0 ? every : UNSAID_EVERY_SECONDS }
    }
    case 'reset':
      return { type }
    default:
      // An event newer than this reader. Revocations are always named `revocation`.
      return undefined
  }
}

const UNSAID_EVERY_SECONDS = 5

function pageOf(body: Record<string, unknown>, after: string | undefined): FeedPage {
  const { revocations, cursor, more, from_start: fromStart } = body
  if (!Array.isArray(revocations) || typeof more !== 'boolean')
    throw new EventStreamBroken('has a page of another kind')
  const messages = revocations.map((one: unknown): FeedMessage => {
    const { id } = objectOf(one)
    if (typeof id !== 'string') throw new EventStreamBroken('has an entry without id')
    return { type: 'revocation', entry: entryOf(objectOf(one)), cursor: id }
  })
  return {
    messages: fromStart === true && after !== undefined ? [{ type: 'reset' }, ...messages] : messages,
    cursor: typeof cursor === 'string' ? cursor : undefined,
    more,
  }
}

function parse(data: string): Record<string, unknown> {
  try {
    return objectOf(JSON.parse(data))
  } catch (cause) {
    throw new EventStreamBroken('has data that is not a JSON object', cause)
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new EventStreamBroken('has data that is not a JSON object')
}

const TEXTS = ['jti', 'gid', 'sid', 'kid', 'sub', 'client_id']
const MEMBERS = [...TEXTS, 'before', 'exp', 'at', 'id']

/** Only what can be checked is taken. */
function entryOf(value: Record<string, unknown>): RevocationEntry {
  const entry: Record<string, unknown> = { exp: numericDate(value.exp) }
  for (const name of TEXTS) if (value[name] !== undefined) entry[name] = textOf(value[name])
  // `before` alone ends everything. With a name that only a newer server knows it would mean less, so then the entry
  // names nothing known.
  const namesMore = Object.keys(value).some((name) => !MEMBERS.includes(name))
  const isKnown = !namesMore || TEXTS.some((name) => entry[name] !== undefined)
  if (value.before !== undefined && isKnown) entry.before = numericDate(value.before)
  return entry as unknown as RevocationEntry
}

function textOf(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new EventStreamBroken('has an entry that names no text')
}

function numericDate(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new EventStreamBroken('has an entry with a time that is not a number')
}
