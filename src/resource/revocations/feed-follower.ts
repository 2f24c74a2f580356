/**
 * Staying with the feed: connects, resumes after the last entry, connects again.
 *
 * By stream as a rule. Where streams do not come through (a proxy that holds back what it forwards looks like a server
 * that says nothing), by pages for a minute, and then by stream again.
 */

import { randomInt } from 'node:crypto'

import { type FeedMessage, type FeedSource, NoStream } from './feed-source.ts'
import type { Fetch } from '../issuer/metadata.ts'

export interface FollowerParts {
  readonly source: FeedSource
  readonly fetch: Fetch
  /** Ends everything. */
  readonly signal: AbortSignal
  readonly onMessage: (message: FeedMessage) => void
  /** Whether it follows by stream or by pages from now on. */
  readonly onConnect: (by: 'stream' | 'pages') => void
  readonly onDisconnect: (error: Error | undefined) => void
}

/** Within this time a connection must have said that it is current, or go on saying entries. */
const FIRST_WORD_MS = 3000
/** The number of missing heartbeats after which a connection counts as dead. */
const MISSED_BEATS = 2
const SLACK_MS = 1000
const LONGEST_WATCH_MS = 60_000
const POLL_MS = 1000
const POLLS = 60
const RETRY_MS = 200
// At most half as much is added, so a server that returns is followed again within five seconds.
const LONGEST_RETRY_MS = 2500

/** Resolves when the signal has ended it; never rejects. */
export async function followFeed(parts: FollowerParts): Promise<void> {
  const { source, fetch, signal, onMessage, onConnect, onDisconnect } = parts
  let cursor: string | undefined
  let failures = 0
  let byStream = true

  while (!signal.aborted) {
    let problem: Error | undefined
    try {
      await connected(byStream ? readStream : readPages)
      byStream = true
    } catch (error) {
      problem = error as Error
      byStream = !byStream || !(problem instanceof NoStream)
    }
    if (signal.aborted) return
    onDisconnect(problem)
    await pause(retryMs(failures), signal)
    failures += 1
  }

  function take(message: FeedMessage): void {
    onMessage(message)
    if (message.type === 'reset') return
    cursor = message.cursor ?? cursor
    if (message.type === 'current') failures = 0
  }

  /** Ends when its work has ended, or with the signal. */
  async function connected(work: (connection: AbortController) => Promise<void>): Promise<void> {
    const connection = new AbortController()
    const stop = () => connection.abort()
    signal.addEventListener('abort', stop)
    try {
      await work(connection)
    } finally {
      stop()
      signal.removeEventListener('abort', stop)
    }
  }

  async function readStream(connection: AbortController): Promise<void> {
    const watch = startWatch(() => connection.abort())
    let isCurrent = false
    function onMessage(message: FeedMessage): void {
      take(message)
      watch.feed()
      if (message.type !== 'current') return
      watch.expectWithin(Math.min(message.everySeconds * MISSED_BEATS * 1000 + SLACK_MS, LONGEST_WATCH_MS))
      if (!isCurrent) onConnect('stream')
      isCurrent = true
    }
    try {
      await source.stream({ after: cursor, signal: connection.signal, onMessage })
    } catch (error) {
      if (!watch.hasBarked()) throw error
      throw isCurrent ? new Error('the stream fell silent', { cause: error }) : new NoStream('nothing came through')
    } finally {
      watch.stop()
    }
  }

  async function readPages(connection: AbortController): Promise<void> {
    const fetchPage = fetchUntil(connection.signal, fetch)
    for (let poll = 0; poll < POLLS && !signal.aborted; poll++) {
      await readAllPages(fetchPage)
      if (poll === 0) onConnect('pages')
      await pause(POLL_MS, connection.signal)
    }
  }

  async function readAllPages(fetchPage: Fetch): Promise<void> {
    for (;;) {
      const after = cursor
      const page = await source.page(after, fetchPage)
      for (const message of page.messages) take(message)
      if (!page.more) {
        take({ type: 'current', cursor: page.cursor, everySeconds: POLL_MS / 1000 })
        return
      }
      // A page that does not lead on must not be asked for again and again.
      if (page.cursor === undefined || page.cursor === after) throw new Error('the pages of the feed do not go on')
      cursor = page.cursor
    }
  }
}

interface Watch {
  feed(): void
  expectWithin(ms: number): void
  hasBarked(): boolean
  stop(): void
}

function startWatch(bark: () => void): Watch {
  let hasBarked = false
  let timer: NodeJS.Timeout
  expectWithin(FIRST_WORD_MS)
  return { expectWithin, feed: () => void timer.refresh(), hasBarked: () => hasBarked, stop: () => clearTimeout(timer) }

  function expectWithin(ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      hasBarked = true
      bark()
    }, ms).unref()
  }
}

/** Quick at first, for most ends are a server that restarts; never all verifiers at once. */
function retryMs(failures: number): number {
  const longest = Math.min(RETRY_MS * 2 ** failures, LONGEST_RETRY_MS)
  return randomInt(longest / 2, (longest * 3) / 2)
}

/** Ends at the signal or after the time, whichever is first. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms).unref()
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

/** A fetch that the signal ends too. */
export function fetchUntil(signal: AbortSignal, fetch: Fetch): Fetch {
  return async function fetchUntilEnded(input, init) {
    const both = init?.signal == null ? signal : AbortSignal.any([signal, init.signal])
    return fetch(input, { ...init, signal: both })
  }
}
