/**
 * The queue for requests with a large body.
 *
 * A body is read and parsed before the caller is known, while all other requests of the process wait. So requests that
 * declare a large body begin one at a time, with a pause after each that grows with its size. Together they take a
 * small part of the event loop, however many connections send them. No code of the engine or of a page runs before a
 * request's turn, and a refusal waits for its turn as well. Without other recent large requests, a request does not
 * wait.
 */

import type { IncomingMessage } from 'node:http'

export interface LargeBodies {
  /** Calls `begin` at once, or when it is the request's turn. Returns `false` when too many wait: it is never called then. */
  enqueue(req: IncomingMessage, bytes: number, begin: () => void): boolean
}

interface Waiting {
  readonly req: IncomingMessage
  readonly pauseMs: number
  readonly begin: () => void
}

/** Room for one token or client assertion with an ML-DSA signature (5 KB). A request with both waits for its turn. */
const LARGEST_USUAL_BYTES = 8 * 1024
const BYTES_PER_MS = 16 * 1024
/** Of a chunked body. More of it is read, but some honest clients and proxies send small requests in chunks. */
const UNKNOWN_BYTES = 16 * 1024
export const MOST_WAITING = 256

/** How much of a body is to be expected, or `undefined` when that is no more than usual. */
export function largeBodyOf({ headers }: IncomingMessage, mostBytes: number): number | undefined {
  const isUnknown = headers['transfer-encoding'] !== undefined
  const bytes = Math.min(isUnknown ? UNKNOWN_BYTES : Number(headers['content-length'] ?? 0), mostBytes)
  return bytes > LARGEST_USUAL_BYTES ? bytes : undefined
}

export function createLargeBodies(): LargeBodies {
  const queue: Waiting[] = []
  let isPausing = false

  function begin(next: Waiting): void {
    isPausing = true
    setTimeout(resume, next.pauseMs)
    next.begin()
  }

  function resume(): void {
    isPausing = false
    let next = queue.shift()
    // A caller that has left costs no turn.
    while (next?.req.destroyed) next = queue.shift()
    if (next !== undefined) begin(next)
  }

  return {
    enqueue(req, bytes, work) {
      const request = { req, pauseMs: 1 + Math.ceil(bytes / BYTES_PER_MS), begin: work }
      if (!isPausing) begin(request)
      else if (queue.length < MOST_WAITING) queue.push(request)
      else return false
      return true
    },
  }
}
