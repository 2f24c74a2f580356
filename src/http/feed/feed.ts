/**
 * `GET /revocations`: what has been revoked, for the verifiers of APIs.
 *
 * Every node serves it from its own memory of the log. As an event stream it sends news at once, and every few seconds
 * an event that there was nothing else. A reader that gets neither has to treat the feed as stale. Readers that poll
 * get JSON pages. docs/revocation.md describes the wire format.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { LoggedRevocation } from '../../revocation/live-entries.ts'
import type { RevocationLog } from '../../revocation/revocation-log.ts'
import type { Log } from '../../audit/log.ts'
import { FeedBusy, QueryInvalid } from '../../faults/feed.ts'
import { StoreUnavailable } from '../../faults/store.ts'
import type { SyncPoint } from './sync-point.ts'
import type { Bearer, FeedAuthenticator } from './authenticator.ts'
import { type PageRequest, readPageRequest, sendPage } from './page.ts'
import type { Problems } from './problems.ts'
import { entryEvent, type Stream, startStream } from './stream.ts'

export interface FeedParts {
  readonly issuer: string
  readonly authenticator: FeedAuthenticator
  readonly problems: Problems
  readonly revocationLog: Pick<RevocationLog, 'read' | 'knows' | 'onNews'>
  readonly syncPoint: SyncPoint
  readonly log: Log
}

export interface RevocationFeed {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** Ends every stream and takes no more, without waiting. */
  close(): void
}

interface Reader {
  readonly bearer: Bearer
  readonly stream: Stream
  readonly res: ServerResponse
  /** For how many looks it has not taken what was written to it. */
  stuckFor: number
}

const EVERY_SECONDS = 5
const LOOK_MS = 1000
/** The number of looks without news of the store after which this node stops confirming. */
const LONGEST_SILENCE = 5
/** A connection that takes nothing for so many looks is dead or held to bind memory here. */
const LONGEST_STUCK = 60
// A stream costs some 30 KB and a write for each entry: a thousand of them are sent one in some 20 ms.
const MOST_READERS = 1000
const MOST_READERS_OF_ONE_CLIENT = 200

export function createRevocationFeed(parts: FeedParts): RevocationFeed {
  const { issuer, authenticator, problems, revocationLog, syncPoint, log } = parts
  const readers = new Set<Reader>()
  // All readers get the same text, so it is made once. It is dropped when the log drops the entry.
  const texts = new WeakMap<LoggedRevocation, string>()
  let isClosed = false
  let looks = 0
  // What could not be said while the store was away is said as soon as it is back, before readers call it silence.
  let isDue = false
  let silentFor = 0
  let isPumping = false

  const stopNews = revocationLog.onNews(() => {
    // Entries come one by one but often many in one turn; they leave together.
    if (isPumping) return
    isPumping = true
    setImmediate(() => {
      isPumping = false
      for (const { stream } of readers) stream.pump()
    })
  })
  const timer = setInterval(() => void look(), LOOK_MS).unref()

  return {
    async handle(req, res) {
      try {
        const bearer = await authenticator.authenticate(req)
        const { searchParams } = new URL(req.url ?? '/', issuer)
        const request = readPageRequest(searchParams)
        if (request === undefined) throw new QueryInvalid()
        if (wantsEvents(req)) await open(req, res, request, bearer)
        else await answerPage(res, request)
      } catch (error) {
        problems.answer(req, res, error)
      }
    },

    close() {
      isClosed = true
      clearInterval(timer)
      stopNews()
      for (const { stream } of readers) stream.end()
    },
  }

  async function answerPage(res: ServerResponse, request: PageRequest): Promise<void> {
    const confirmed = await syncPoint.confirm()
    if (confirmed === undefined) throw new StoreUnavailable()
    sendPage(res, request, { revocationLog, completeAtMs: confirmed })
  }

  async function open(req: IncomingMessage, res: ServerResponse, request: PageRequest, bearer: Bearer): Promise<void> {
    const after = lastEventId(req) ?? request.after
    // A reader that comes from another node may have an entry that is still on its way to this node.
    if (after !== undefined && !revocationLog.knows(after)) await syncPoint.confirm()
    // No wait from here on, so that of many who come at once no more are let in.
    if (isClosed || silentFor > LONGEST_SILENCE) throw new StoreUnavailable()
    const ofClient = [...readers].filter((reader) => reader.bearer.clientId === bearer.clientId).length
    if (readers.size >= MOST_READERS || ofClient >= MOST_READERS_OF_ONE_CLIENT) throw new FeedBusy()
    // Gone meanwhile: it would never be seen to leave.
    if (res.destroyed) return
    begin(req, res)
    const reader: Reader = {
      bearer,
      stream: startStream({ res, revocationLog, after, textOf, everySeconds: EVERY_SECONDS }),
      res,
      stuckFor: 0,
    }
    readers.add(reader)
    log.event('feed_reader_connected', { clientId: bearer.clientId, readers: readers.size })
    res.once('close', () => {
      readers.delete(reader)
      log.event('feed_reader_left', { clientId: bearer.clientId, readers: readers.size })
    })
    reader.stream.pump()
    const confirmed = await syncPoint.confirm()
    if (confirmed !== undefined) reader.stream.sayCurrent(Math.floor(confirmed / 1000))
  }

  function textOf(entry: LoggedRevocation): string {
    const known = texts.get(entry)
    if (known !== undefined) return known
    const text = entryEvent(entry)
    texts.set(entry, text)
    return text
  }

  /** Once a second: checks whether this node is up to date, and whether each reader may still read. */
  async function look(): Promise<void> {
    looks += 1
    // Counted before the answer is here, so that a question which hangs counts too.
    silentFor += 1
    if (silentFor > LONGEST_SILENCE) for (const { stream } of readers) stream.end()
    for (const reader of readers) void judge(reader)
    isDue ||= looks % EVERY_SECONDS === 0
    const confirmed = await syncPoint.confirm()
    if (confirmed === undefined) return
    silentFor = 0
    if (!isDue) return
    isDue = false
    for (const { stream } of readers) stream.sayCurrent(Math.floor(confirmed / 1000))
  }

  async function judge(reader: Reader): Promise<void> {
    reader.stuckFor = reader.stream.isWaiting ? reader.stuckFor + 1 : 0
    if (reader.stuckFor > LONGEST_STUCK) reader.res.destroy()
    else if (!(await reader.bearer.isGood())) reader.stream.end()
  }
}

function wantsEvents({ headers }: IncomingMessage): boolean {
  return /\btext\/event-stream\b/i.test(headers.accept ?? '')
}

/** The last entry of a reader that reconnects; newer than the cursor in its first address. */
function lastEventId({ headers }: IncomingMessage): string | undefined {
  const id = headers['last-event-id']
  return typeof id === 'string' && id !== '' ? id : undefined
}

function begin(req: IncomingMessage, res: ServerResponse): void {
  req.socket.setNoDelay(true)
  res.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    // Some proxies hold an answer back until it is complete.
    'X-Accel-Buffering': 'no',
    // Nothing follows a stream on its connection; so it ends with it, and a stop need not wait.
    Connection: 'close',
  })
  res.flushHeaders()
}
