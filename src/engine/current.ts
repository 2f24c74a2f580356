/**
 * The engine in use, behind one reference.
 *
 * The engine fixes its keys when it is built. A change builds another and swaps it in here; requests under
 * way finish on the one they began with, and the two share nothing but the store.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { ClientSettings } from '../registry/client/client.ts'
import type { BrowserSessions } from './interactions/browser-sessions.ts'
import type { AccessTokens } from './access-tokens/access-tokens.ts'
import type { Documents } from './documents.ts'
import type { Interactions } from './interactions/interactions.ts'

export interface Engine {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  readonly documents: Documents
  /** Verifies the access tokens that are presented to our endpoints. */
  readonly accessTokens: AccessTokens
  readonly interactions: Interactions
  readonly sessions: BrowserSessions
  /**
   * The differences between the installed oidc-provider and the expected one, one sentence each. Any difference turns
   * the fast path off.
   */
  readonly differences: readonly string[]
  /** The version of the ring whose keys it signs with and publishes. */
  readonly ringVersion: number
  /** Why the engine would refuse a client with these settings; `undefined` where it takes them. */
  refusalOf(settings: ClientSettings): string | undefined
}

export interface CurrentEngine {
  engine(): Engine
  swap(next: Engine): void
  /** Pages outlive an engine: each call goes to the engine in use. */
  readonly interactions: Interactions
  readonly sessions: BrowserSessions
}

export function createCurrentEngine(first: Engine): CurrentEngine {
  let current = first
  return {
    engine: () => current,
    swap(next) {
      current = next
    },
    interactions: {
      find: (req, res) => current.interactions.find(req, res),
      finishLogin: (...login) => current.interactions.finishLogin(...login),
      finishConsent: (req, res) => current.interactions.finishConsent(req, res),
      abort: (req, res) => current.interactions.abort(req, res),
      switchAccount: (req, res) => current.interactions.switchAccount(req, res),
      waysOut: (req, res) => current.interactions.waysOut(req, res),
    },
    sessions: { find: (req, res) => current.sessions.find(req, res) },
  }
}
