/**
 * `POST /ssf/poll`: security events for a receiver that asks (RFC 8936).
 *
 * What is given out stays due until it is acknowledged, and waiting for the next event is bounded, in time and in number:
 * beyond the bounds a request is answered at once, as one that did not want to wait.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { RevocationLog } from '../../access/revocation-log.ts'
import type { Delivery, Receiver, SetReceivers } from '../../access/set-receivers.ts'
import type { Log } from '../../audit/log.ts'
import { StoreUnavailable } from '../../base/faults.ts'
import type { AsOf } from './as-of.ts'
import type { Doorkeeper } from './bearer.ts'
import { type PollRequest, readPollRequest } from './poll-request.ts'
import type { Problems } from './problems.ts'

export interface PollParts {
  readonly doorkeeper: Doorkeeper
  readonly receivers: SetReceivers
  readonly revocationLog: Pick<RevocationLog, 'onNews'>
  readonly asOf: AsOf
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
  const { doorkeeper, receivers, revocationLog, asOf, problems, log } = parts
  const closed = new AbortController()
  const waiting = new Map<string, number>()
  let allWaiting = 0

  return {
    async handle(req, res) {
      try {
        const { clientId } = await doorkeeper.authenticate(req)
        const request = await readPollRequest(req)
        const receiver = { id: `client ${clientId}`, audience: clientId }
        if ((await asOf.confirm()) === undefined) throw new StoreUnavailable()
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
    for (const [jti, error] of errors) log.warn({ clientId, jti, error }, 'a receiver refused a security event')
  }

  async function nextDelivery(receiver: Receiver, request: PollRequest, res: ServerResponse): Promise<Delivery> {
    const first = await pending(receiver, request)
    if (first.sets.size > 0 || first.more || request.returnImmediately || !mayWait(receiver.id)) return first
    const done = AbortSignal.any([closed.signal, AbortSignal.timeout(WAIT_MS), goneSignal(res)])
    count(receiver.id, 1)
    try {
      let delivery = first
      while (!done.aborted && delivery.sets.size === 0 && !delivery.more) {
        const next = news(done)
        delivery = await pending(receiver, request)
        if (delivery.sets.size === 0 && !delivery.more) await next
      }
      return delivery
    } finally {
      count(receiver.id, -1)
    }
  }

  /** One that wants none (`maxEvents` 0) is told whether there are any. */
  async function pending(receiver: Receiver, { maxEvents }: PollRequest): Promise<Delivery> {
    return receivers.pending(receiver, maxEvents)
  }

  function news(done: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = () => resolve()
    const stop = revocationLog.onNews(end)
    done.addEventListener('abort', end, { once: true })
    return promise.finally(() => {
      stop()
      done.removeEventListener('abort', end)
    })
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

function goneSignal(res: ServerResponse): AbortSignal {
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  return gone.signal
}

function send(res: ServerResponse, { sets, more }: Delivery, { maxEvents }: PollRequest): void {
  const body = JSON.stringify({
    sets: maxEvents === 0 ? {} : Object.fromEntries(sets),
    ...(more ? { moreAvailable: true } : {}),
  })
  res.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }).end(body)
}
