/**
 * Pushes security events to the declared receivers (RFC 8935).
 *
 * Each receiver has its own loop, so a receiver that is down does not delay the others. One node of all pushes to a
 * receiver: it holds a lease in the store, and when it ends another node takes the lease. The store also has what each
 * receiver has taken, so nothing is lost with a node. A receiver may get an event twice, as RFC 8935 allows.
 */

import type { Receiver, EventReceivers } from '../revocation/security-events/receivers.ts'
import type { Log } from '../audit/log.ts'
import { randomId } from '../base/ids.ts'
import type { ReceiverSettings } from '../config/config.ts'
import { keys } from '../store/keys.ts'
import { over } from '../store/over.ts'
import type { Store } from '../store/store.ts'
import { postSet } from './post-event.ts'

export interface PushParts {
  readonly endpoints: readonly ReceiverSettings[]
  readonly receivers: EventReceivers
  readonly revocationLog: { onNews(listener: () => void): () => void }
  readonly store: Pick<Store, 'get' | 'put'>
  readonly log: Log
}

// So many events are signed and sent before the lease is renewed: even at 2.5 s each they are done before it ends.
const AT_ONCE = 5
const LEASE_SECONDS = 20
/** A lease that is given up expires within a second. Deleting it could end the lease of another node. */
const ENDING_SECONDS = 0.01
/** The interval of looks without news: a node that ended may have left events. */
const LOOK_MS = 5000
const SHORTEST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 60_000

/** Returns a stop, which waits for a push under way. */
export function startPushing({ endpoints, receivers, revocationLog, store, log }: PushParts): () => Promise<void> {
  const node = randomId()
  const sleepers = new Set<() => void>()
  let isStopped = false
  let news = 0
  const wake = () => {
    news += 1
    for (const sleeper of sleepers) sleeper()
  }
  const unfollow = revocationLog.onNews(wake)
  const loops = endpoints.map((settings) => pushTo(settings))

  return async function stop() {
    isStopped = true
    unfollow()
    wake()
    await Promise.all(loops)
  }

  async function pushTo(settings: ReceiverSettings): Promise<void> {
    const { endpoint, audience } = settings
    const receiver = { id: `push ${endpoint}`, audience }
    const lease = keys.pushLease(receiver.id)
    let failures = 0
    while (!isStopped) {
      // Read before the look, so that an event during the look ends the pause.
      const heard = news
      const { outcome, reason } = await step(settings, receiver, lease)
      if (outcome === 'failed' && failures === 0) {
        log.event('receiver_unreachable', { endpoint, reason })
      }
      if (outcome === 'done' && failures > 0) log.event('receiver_reachable', { endpoint })
      if (outcome !== 'elsewhere') failures = outcome === 'failed' ? failures + 1 : 0
      if (outcome === 'done') await sleep(LOOK_MS, () => news !== heard || isStopped)
      else if (outcome !== 'more') await sleep(outcome === 'failed' ? backOffMs(failures) : LOOK_MS, () => isStopped)
    }
    await giveUp(lease)
  }

  async function step(
    settings: ReceiverSettings,
    receiver: Receiver,
    lease: ReturnType<typeof keys.pushLease>,
  ): Promise<Step> {
    try {
      if (!(await hold(lease))) return { outcome: 'elsewhere' }
      const { sets, more } = await receivers.pending(receiver, AT_ONCE)
      for (const [jti, set] of sets) {
        if (isStopped) return { outcome: 'elsewhere' }
        const { outcome, reason } = await postSet(settings, set)
        if (outcome === 'retry') return { outcome: 'failed', reason }
        if (outcome === 'refused') {
          log.event('event_refused', { endpoint: settings.endpoint, jti, reason })
        }
        await receivers.settle(receiver, [jti])
      }
      return { outcome: more ? 'more' : 'done' }
    } catch (error) {
      return { outcome: 'failed', reason: (error as Error).message }
    }
  }

  /** Takes the lease, or renews it. */
  async function hold(lease: ReturnType<typeof keys.pushLease>): Promise<boolean> {
    const held = await store.get(lease)
    if (held !== undefined && held.value !== node) return false
    return (await store.put(lease, node, { ttlSeconds: LEASE_SECONDS, ...over(held) })) === 'stored'
  }

  /** So that another node need not wait for its end. */
  async function giveUp(lease: ReturnType<typeof keys.pushLease>): Promise<void> {
    try {
      const held = await store.get(lease)
      if (held?.value === node) await store.put(lease, node, { ttlSeconds: ENDING_SECONDS, ifVersion: held.version })
    } catch {
      // It ends by itself.
    }
  }

  /** Until the time is over, or it is so. */
  function sleep(ms: number, isSo: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      if (isSo()) resolve()
    }
    const timer = setTimeout(resolve, ms).unref()
    sleepers.add(look)
    look()
    return promise.finally(() => {
      clearTimeout(timer)
      sleepers.delete(look)
    })
  }
}

interface Step {
  /** `more`: there is more to do at once; `elsewhere`: another node does it, or will. */
  readonly outcome: 'done' | 'more' | 'failed' | 'elsewhere'
  /** For the log. */
  readonly reason?: string
}

/** Twice as long each time. */
function backOffMs(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** (failures - 1))
}
