/**
 * What one request has read, and what it has yet to write.
 *
 * The engine looks up a token, then its grant, then its session. The first read brings all three, and they are kept
 * here. The engine also consumes a refresh token and saves its successor in two calls. The first waits here for the
 * second, so that the store does both in one step. A scope lives as long as the request's context.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type AdapterPayload, Provider } from 'oidc-provider'

import type { Fault } from '../../faults/fault.ts'
import type { Entry, Key } from '../../store/store.ts'

export interface RequestScope {
  /** Names this request to the store, so that a consume retried after a lost reply wins again. */
  readonly by: string
  /** Entries as this request read or left them; `undefined` where there was none. */
  readonly seen: Map<Key, Promise<Entry | undefined>>
  /** The code or refresh token that this request found. */
  source: Source | undefined
  /** The token that introspection or revocation was asked about. */
  presented: Presented | undefined
  /** The access token that this request has issued to a person's client. */
  accessToken: string | undefined
  /** What this request was refused for. */
  refused: Refused | undefined
  /** The last fault of a call into our parts. After `StoreUnavailable` the request does not ask the store again. */
  fault: Fault | undefined
  /** Grants that this request ends: the engine asks once a model, one step ends them all. */
  readonly ending: Map<string, Promise<void>>
}

/** See overrides/tokens/presented-token.ts. It has a record once a JWT was verified. */
export interface Presented {
  readonly token: string
  record: Promise<AdapterPayload | undefined> | undefined
}

/** Why a request is refused, and the id by which its caller can name it. */
export interface Refused {
  readonly errorId: string
  readonly error: Error
}

/** The credential of a token request. Its time and method of sign-in go into the tokens that it gives. */
export interface Source {
  readonly model: 'AuthorizationCode' | 'RefreshToken'
  readonly handle: string
  readonly key: Key
  readonly clientId: string
  readonly grantId: string | undefined
  /** The browser session in which it was asked for. */
  readonly sessionUid: string | undefined
  /** Whether it is worth nothing without a proof of a key. */
  readonly isSenderConstrained: boolean
  /** Whether what comes of it is bound to a key, though it is not bound itself. */
  readonly needsProof: boolean
  /** Epoch seconds. */
  readonly authTime: number | undefined
  readonly acr: string | undefined
  readonly amr: readonly string[] | undefined
  /** Whether it is consumed in the step that stores the refresh token that follows it. */
  hasSuccessor: boolean
  state: SourceState
}

/**
 * - `found`: it was read.
 * - `awaits_successor`: the engine has consumed it. The store decides when the successor comes.
 * - `decided`: the store was asked to consume it, whatever the result.
 * - `repeated`: another request of the same client got this successor for it, and this one is answered with the same.
 */
export type SourceState =
  | { readonly is: 'found' | 'awaits_successor' | 'decided' }
  | { readonly is: 'repeated'; readonly successor: string }

// On the context itself: what a WeakMap holds, the collector looks at again and again.
const SCOPE = Symbol('the scope of a request')
const pageScopes = new AsyncLocalStorage<RequestScope>()

/** The scope of the engine's current request, or of the page's (`inRequestScope`). */
export function requestScope(): RequestScope {
  const ctx: object | undefined = Provider.ctx
  return ctx === undefined ? (pageScopes.getStore() ?? new Scope()) : scopeOf(ctx)
}

/** The scope of this request of the engine. */
export function scopeOf(ctx: object): RequestScope {
  const scoped = ctx as { [SCOPE]?: RequestScope; req?: { [SCOPE]?: RequestScope } }
  scoped[SCOPE] ??= scoped.req?.[SCOPE] ?? new Scope()
  return scoped[SCOPE]
}

/** Runs an attempt before the engine gets the request. The engine continues in the same scope. */
export function inScopeOf<T>(req: IncomingMessage, work: () => Promise<T>): Promise<T> {
  const scope = new Scope()
  Reflect.set(req, SCOPE, scope)
  return pageScopes.run(scope, work)
}

/** Runs what a page asks of the engine's models, which outside of the engine's routes have no context, in one scope. */
export function inRequestScope<T>(work: () => Promise<T>): Promise<T> {
  return pageScopes.run(new Scope(), work)
}

class Scope implements RequestScope {
  readonly seen = new Map<Key, Promise<Entry | undefined>>()
  source: Source | undefined = undefined
  presented: Presented | undefined = undefined
  accessToken: string | undefined = undefined
  refused: Refused | undefined = undefined
  fault: Fault | undefined = undefined
  // What few requests need is made when it is asked for.
  #by: string | undefined
  #ending: Map<string, Promise<void>> | undefined

  get by(): string {
    this.#by ??= randomUUID()
    return this.#by
  }

  get ending(): Map<string, Promise<void>> {
    this.#ending ??= new Map()
    return this.#ending
  }
}
