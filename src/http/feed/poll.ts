/**
 * `POST /ssf/poll`: security events for a receiver that polls (RFC 8936).
 *
 * A delivered event stays due until it is acknowledged. Waiting for the next event is limited in time and in number:
 * beyond the limits a request is answered at once, as if it had not asked to wait.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { RevocationLog } from '../../revocation/revocation-log.ts'
import type { Delivery, Receiver, EventReceivers } from '../../revocation/security-events/receivers.ts'
import type { Log } from '../../audit/log.ts'
import { StoreUnavailable } from '../../faults/store.ts'
import type { SyncPoint } from './sync-point.ts'
import type { FeedAuthenticator } from './authenticator.ts'
import { type PollRequest, readPollRequest } from './poll-request.ts'
import type { Problems } from './problems.ts'

export interface PollParts {
  readonly authenticator: FeedAuthenticator
  readonly receivers: EventReceivers
  readonly revocationLog: Pick<RevocationLog, 'onNews'>
  readonly syncPoint: SyncPoint
  readonly problems: Problems
  readonly log: Log
}

export interface PollEndpoint {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** Answers all who wait. */
  close(): void
}

const WAIT_MS = 30_000
const MOST_WAITING = 1000
const MOST_WAITING_OF_ONE_CLIENT = 50

export function createPollEndpoint(parts: PollParts): PollEndpoint {
  const { authenticator, receivers, revocationLog, syncPoint, problems, log } = parts
  const closed = new AbortController()
  const waiting = new Map<string, number>()
  let allWaiting = 0

  return {
    async handle(req, res) {
      try {
        const { clientId } = await authenticator.authenticate(req)
        const request = await readPollRequest(req)
        const receiver = { id: `client ${clientId}`, audience: clientId }
        if ((await syncPoint.confirm()) === undefined) throw new StoreUnavailable()
        noteErrors(clientId, request)
        await receivers.settle(receiver, [...request.ack, ...request.errors.keys()])
        send(res, await nextDelivery(receiver, request, res), request)
      } catch (error) {
        problems.answer(req, res, error)
      }
    },

    close() {
      closed.abort()
    },
  }

  /** An event that its receiver cannot read is not made again: it would be the same. */
  function noteErrors(clientId: string, { errors }: PollRequest): void {
    for (const [jti, error] of errors) log.event('event_refused', { clientId, jti, error })
  }

  async function nextDelivery(receiver: Receiver, request: PollRequest, res: ServerResponse): Promise<Delivery> {
    const first = await receivers.pending(receiver, request.maxEvents)
    if (!isEmpty(first) || request.returnImmediately || !mayWait(receiver.id)) return first
    count(receiver.id, 1)
    const bell = hang(res)
    try {
      let delivery = first
      while (!bell.isOver() && isEmpty(delivery)) {
        // Read before the look, so that an event during the look ends the wait.
        const rung = bell.next()
        delivery = await receivers.pending(receiver, request.maxEvents)
        if (isEmpty(delivery)) await rung
      }
      return delivery
    } finally {
      bell.remove()
      count(receiver.id, -1)
    }
  }

  /** Rings when something was revoked, and once for all when the wait is over: too long, not wanted any more, a stop. */
  function hang(res: ServerResponse) {
    let isOver = false
    let ring = Promise.withResolvers<void>()
    const strike = () => {
      ring.resolve()
      ring = Promise.withResolvers<void>()
    }
    const end = () => {
      isOver = true
      ring.resolve()
    }
    const unfollow = revocationLog.onNews(strike)
    const timer = setTimeout(end, WAIT_MS).unref()
    res.once('close', end)
    closed.signal.addEventListener('abort', end)
    return {
      isOver: () => isOver,
      next: () => ring.promise,
      remove() {
        unfollow()
        clearTimeout(timer)
        res.off('close', end)
        closed.signal.removeEventListener('abort', end)
      },
    }
  }

  function mayWait(id: string): boolean {
    return !closed.signal.aborted && allWaiting < MOST_WAITING && (waiting.get(id) ?? 0) < MOST_WAITING_OF_ONE_CLIENT
  }

  function count(id: string, added: number): void {
    allWaiting += added
    const ofOne = (waiting.get(id) ?? 0) + added
    if (ofOne === 0) waiting.delete(id)
    else waiting.set(id, ofOne)
  }
}

/** A request for no events (`maxEvents` 0) still waits until there are some (RFC 8936 section 2.4.2). */
function isEmpty({ sets, more }: Delivery): boolean {
  return sets.size === 0 && !more
}

function send(res: ServerResponse, { sets, more }: Delivery, { maxEvents }: PollRequest): void {
  const body = JSON.stringify({
    sets: maxEvents === 0 ? {} : Object.fromEntries(sets),
    ...(more ? { moreAvailable: true } : {}),
  })
  res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(body)
}
