/** Real servers, and verifiers that follow their revocations over a network which can be cut. */

import { setTimeout as pause } from 'node:timers/promises'

import { openRevocationLog, type NewRevocation } from '../../src/revocation/revocation-log.ts'
import { type App, startApp } from '../../src/app.ts'
import { createLog } from '../../src/audit/log.ts'
import { createVerifier, type Verifier } from '../../src/resource/index.ts'
import type { FeedEvent, RevocationOptions } from '../../src/resource/revocations/revocation-feed.ts'
import { type MovableClock, movableClock } from '../support/movable-clock.ts'
import { type Running, type StartOptions, start } from '../support/start.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { callEndpoint } from '../support/user-agent.ts'

export const ORDERS = 'https://orders.example'
export const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
/** The client by which the verifiers read the feed. */
export const READER = { clientId: MACHINE.id, clientSecret: MACHINE.secret }
/** As src/app.ts has it for the demo: the longest token life and the largest tolerance. */
export const KEEP_SECONDS = 660

export interface FeedFixture {
  readonly app: Running
  readonly clock: MovableClock
  /** Between every verifier and the first node. */
  readonly network: TcpProxy
  follow(options?: FollowOptions): Follower
  /** A token of the demo's machine for the orders API, straight from the first node. */
  machineToken(): Promise<string>
  /** A token that opens the feed. */
  readonly feedToken: () => Promise<string>
  /** Writes an entry as the server does; resolves when it is in the store. */
  publish(entry: NewRevocation): Promise<void>
  /** Stops the first node and starts it again, at the same address and on the same store. */
  restart(): Promise<void>
  close(): Promise<void>
}

export type FollowOptions = Partial<RevocationOptions> & {
  /** Changes what the verifier fetches. */
  readonly through?: (fetch: Fetch) => Fetch
}

type Fetch = typeof globalThis.fetch

export interface Follower {
  readonly verifier: Verifier
  readonly events: readonly FeedEvent[]
  /** Every request for the feed: what it asked for and where it resumed. */
  readonly asked: readonly { readonly accept: string | null; readonly after: string | null }[]
  /** Resolves when the feed has said this after now. */
  readonly next: (type: FeedEvent['type']) => Promise<void>
}

export async function startFeedFixture(options: StartOptions = {}): Promise<FeedFixture> {
  // The engine stamps its tokens by the real clock.
  const clock = movableClock(Date.now())
  const app = await start({ ...options, clock })
  let [node] = app.nodes as [App]
  const { port } = new URL(node.url)
  const network = await startTcpProxy(Number(port))
  const followers: Verifier[] = []

  async function tokenFor(resource: string, scope: string): Promise<string> {
    const params = { grant_type: 'client_credentials', scope, resource }
    const { body } = await callEndpoint(`${node.url}/token`, params, MACHINE)
    return body.access_token ?? ''
  }

  return {
    app,
    clock,
    network,

    follow({ through = unchanged, ...revocations } = {}) {
      const events: FeedEvent[] = []
      const asked: { accept: string | null; after: string | null }[] = []
      const verifier = createVerifier({
        issuer: app.issuer,
        audience: ORDERS,
        clock,
        fetch: through(async (input, init) => {
          const url = new URL(input instanceof Request ? input.url : input)
          const headers = new Headers(init?.headers)
          if (url.pathname === '/revocations') {
            const after = headers.get('last-event-id') ?? url.searchParams.get('after')
            asked.push({ accept: headers.get('accept'), after })
          }
          return fetch(`http://127.0.0.1:${network.port}${url.pathname}${url.search}`, init)
        }),
        revocations: {
          ...('token' in revocations ? {} : READER),
          ...revocations,
          onFeed: (event) => events.push(event),
        } as RevocationOptions,
      })
      followers.push(verifier)
      return {
        verifier,
        events,
        asked,
        async next(type) {
          const from = events.length
          await until(() => events.slice(from).some((event) => event.type === type))
        },
      }
    },

    machineToken: () => tokenFor(ORDERS, 'orders:read'),
    feedToken: () => tokenFor(app.issuer, 'revocations:read'),

    async publish(entry) {
      const log = await openRevocationLog({ store: node.store, clock, keepSeconds: () => KEEP_SECONDS })
      await log.publish(entry)
      log.close()
    },

    async restart() {
      await node.close()
      node = await startApp({ ...app.config, port: Number(port) }, { log: createLog({ level: 'silent' }), clock })
    },

    async close() {
      await Promise.all(followers.map((verifier) => verifier.close()))
      await network.close()
      await node.close()
      await app.close()
    },
  }
}

function unchanged(fetch: Fetch): Fetch {
  return fetch
}

const WITHIN_MS = 30_000

/** Looks until it is so: another part of the process decides when. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WITHIN_MS
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so within ${WITHIN_MS} ms`)
    await pause(5)
  }
}

/** The code with which a token is refused; `undefined` when it is taken. */
export async function refusalOf(verifier: Verifier, token: string): Promise<string | undefined> {
  return verifier.verify(token).then(
    () => undefined,
    (error: { code: string }) => error.code,
  )
}
