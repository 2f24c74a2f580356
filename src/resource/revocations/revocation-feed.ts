/**
 * Follows the issuer's revocation feed, so that a revoked token is refused within a second and no request costs a call.
 *
 * Entries are final and stay in memory. A server that restarts, a reader that is cut off and a reader that reads
 * everything again all come to the same set. A silent feed means that entries may be missing. The silence begins when
 * the server last confirmed that it had sent everything.
 */

import { checkClientAccess } from '../issuer/client-access.ts'
import { fetchUntil, followFeed } from './feed-follower.ts'
import { createFeedSource, type FeedMessage } from './feed-source.ts'
import { createFeedToken, type FeedAccess } from './feed-token.ts'
import { refuseUnknownOptions } from '../known-options.ts'
import type { Fetch } from '../issuer/metadata.ts'
import { VerifierUnavailable } from '../refusals.ts'
import { createRevocationSet, type Revocable, type RevocationEntry } from './revocation-set.ts'
import { inTime } from '../time.ts'

/**
 * How a verifier gets at the feed, and what it does when the feed is silent.
 *
 * The client needs the scope `revocations:read` of the issuer's own API.
 *
 * ```ts
 * const verifier = createVerifier({
 *   issuer: 'https://login.example',
 *   audience: 'https://orders.example',
 *   revocations: { clientId: 'orders-api', clientSecret: secret, whenSilent: 'refuse', silentAfterSeconds: 30 },
 * })
 * await verifier.prepare()
 * ```
 */
export type RevocationOptions = FeedAccess & {
  /**
   * What to do with tokens while the feed is silent. `refuse` (the default) answers 503 for every token. `accept`
   * continues with the entries that were received before, until the token expires.
   */
  readonly whenSilent?: 'refuse' | 'accept'
  /** Seconds without a word after which the feed is silent: 10 to 3600, default 30. The server speaks every 5. */
  readonly silentAfterSeconds?: number
  /** Called with each event, for metrics. An error it throws is ignored. */
  readonly onFeed?: (event: FeedEvent) => void
}

/** An event that an API can count. Contains no token and no secret. */
export type FeedEvent =
  | { readonly type: 'connected'; readonly by: 'stream' | 'pages' }
  /** Without an error the server ended the stream in order; it is connected to again either way. */
  | { readonly type: 'disconnected'; readonly error: Error | undefined }
  | { readonly type: 'revocation'; readonly entry: RevocationEntry }
  /** An entry of a kind that only a newer version of this package knows. */
  | { readonly type: 'entry_unknown' }
  | { readonly type: 'current' }
  /** The server did not know the place to resume after, and says everything again. */
  | { readonly type: 'reset' }
  /** The verifier was closed; nothing follows. */
  | { readonly type: 'closed' }

/** `starting` until the server has said everything once, or was waited for long enough. */
export type FeedStatus = 'starting' | 'following' | 'silent'

export interface RevocationFeed {
  readonly status: FeedStatus
  /** Whether something that covers this token was revoked. Called with every token, so it must be fast. */
  covers(token: Revocable): boolean
  /** Throws `VerifierUnavailable` when the feed is silent and that is to refuse. Called with every token. */
  checkSilence(): void
  /**
   * Begins to follow, and resolves once all revocations that the server knows are known here; at once when that was so
   * before. Rejects with `VerifierUnavailable` after a few seconds at most, and then at once until the server answers.
   */
  prepare(): Promise<void>
  /** Ends the connection and all timers. Known revocations stay in force. */
  close(): Promise<void>
}

export interface FeedParts {
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly fetch: Fetch
}

const SILENT_AFTER_SECONDS = 30
const FIRST_WAIT_MS = 2500
/**
 * About 100 MB. A server that sends more is not followed further, so its feed counts as silent. Dropping entries
 * instead would accept revoked tokens.
 */
const MOST_ENTRIES = 1_000_000

/** Throws a `TypeError` for options that are wrong or unknown. Fetches nothing before `prepare`. */
export function createRevocationFeed(options: RevocationOptions & FeedParts): RevocationFeed {
  checkOptions(options)
  const { issuer, clock, whenSilent = 'refuse', silentAfterSeconds = SILENT_AFTER_SECONDS } = options
  const set = createRevocationSet({ clock })
  const silence = createStopwatch(clock)
  const closing = new AbortController()
  const fetch = fetchUntil(closing.signal, options.fetch)
  const source = createFeedSource({ issuer, token: createFeedToken(options, { issuer, clock, fetch }), fetch })
  const { promise: firstWord, resolve: haveFirstWord, reject: endWaiting } = Promise.withResolvers<void>()
  firstWord.catch(() => undefined) // Waiting callers get the error; without a waiting caller it must not be unhandled.
  let following: Promise<void> | undefined
  let prepared: Promise<void> | undefined
  let problem: Error | undefined
  let gaveUp = false

  function say(event: FeedEvent): void {
    try {
      options.onFeed?.(event)
    } catch {
      // A counter that breaks must not stop the feed.
    }
  }

  function take(message: FeedMessage): void {
    if (message.type === 'current') {
      silence.restart()
      haveFirstWord()
      say({ type: 'current' })
    } else if (message.type === 'reset') {
      say(message)
    } else {
      const { entry } = message
      if (set.add(entry)) say({ type: 'revocation', entry })
      else if (namesNothing(entry)) say({ type: 'entry_unknown' })
      if (set.size > MOST_ENTRIES) throw new Error(`the feed has more than ${MOST_ENTRIES} entries`)
    }
  }

  function start(): Promise<void> {
    following ??= followFeed({
      ...{ source, fetch: options.fetch, signal: closing.signal, onMessage: take },
      onConnect: (by) => say({ type: 'connected', by }),
      onDisconnect(error) {
        problem = error
        say({ type: 'disconnected', error })
      },
    })
    return inTime(FIRST_WAIT_MS, firstWord, () => {
      gaveUp = true
      return feedSilent()
    })
  }

  function feedSilent(): VerifierUnavailable {
    const why = problem === undefined ? '' : `: ${(problem as Partial<VerifierUnavailable>).detail ?? problem.message}`
    return new VerifierUnavailable({ detail: `the revocation feed of ${issuer} is silent${why}` })
  }

  function status(): FeedStatus {
    if (!silence.isRunning()) return gaveUp ? 'silent' : 'starting'
    return silence.seconds() < silentAfterSeconds ? 'following' : 'silent'
  }

  return {
    get status() {
      return status()
    },

    covers: (token) => set.covers(token),

    checkSilence() {
      if (whenSilent === 'refuse' && status() !== 'following') throw feedSilent()
    },

    prepare() {
      if (silence.isRunning()) return DONE
      prepared ??= closing.signal.aborted ? Promise.reject(feedSilent()) : start()
      return prepared
    },

    async close() {
      closing.abort()
      endWaiting(feedSilent())
      await following
      say({ type: 'closed' })
    },
  }
}

const DONE = Promise.resolve()

interface Stopwatch {
  isRunning(): boolean
  restart(): void
  /** Since the last start. */
  seconds(): number
}

/** Counts only the time that the clock moved forward. A clock that is set back must not shorten a silence. */
function createStopwatch(clock: () => number): Stopwatch {
  let lastMs = Number.NaN
  let elapsedMs = 0

  return {
    isRunning: () => !Number.isNaN(lastMs),

    restart() {
      lastMs = clock()
      elapsedMs = 0
    },

    seconds() {
      const now = clock()
      elapsedMs += Math.max(0, now - lastMs)
      lastMs = now
      return elapsedMs / 1000
    },
  }
}

function namesNothing({ jti, gid, sid, kid, sub, client_id: clientId, before }: RevocationEntry): boolean {
  return [jti, gid, sid, kid, sub, clientId, before].every((name) => name === undefined)
}

const OWN_NAMES = ['whenSilent', 'silentAfterSeconds', 'onFeed', 'issuer', 'clock', 'fetch']
const ACCESS_NAMES = ['clientId', 'clientSecret', 'clientKey', 'token']

function checkOptions(options: RevocationOptions): void {
  refuseUnknownOptions('revocations', options, [...OWN_NAMES, ...ACCESS_NAMES])
  const { whenSilent, silentAfterSeconds: seconds, onFeed } = options
  if (whenSilent !== undefined && whenSilent !== 'refuse' && whenSilent !== 'accept') {
    throw new TypeError('whenSilent must be refuse or accept')
  }
  if (seconds !== undefined && !(typeof seconds === 'number' && seconds >= 10 && seconds <= 3600)) {
    throw new TypeError('silentAfterSeconds must be 10 to 3600')
  }
  if (onFeed !== undefined && typeof onFeed !== 'function') throw new TypeError('onFeed must be a function')
  if (!('token' in options)) checkClientAccess(options, 'revocations')
  else if (typeof options.token !== 'function' || ACCESS_NAMES.some((name) => name !== 'token' && name in options)) {
    throw new TypeError('revocations needs either a client or a function token')
  }
}
