/**
 * The first code that sees a request: it states the facts, sets the headers, and chooses from the table of routes who
 * answers.
 *
 * It runs on bare `node:http`, because every token request pays for it. It enforces what the table says of a route
 * before any other code sees the request: the methods, the number of parameters, and what the route needs of the store.
 * A request with a large body waits here for its turn.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

import type { Log } from '../audit/log.ts'
import type { Fault } from '../faults/fault.ts'
import { LargeRequestsBusy, MethodNotAllowed, NotFound, ParametersTooMany } from '../faults/requests.ts'
import { FormForged } from '../faults/sign-in.ts'
import { StoreFull, StoreUnavailable } from '../faults/store.ts'
import type { Verifiers } from '../keyring/verifiers.ts'
import {
  type CurrentEngine,
  type Engine,
  ENGINE_PATHS,
  hasTooManyParameters,
  OAUTH_METADATA,
  OPENID_METADATA,
} from '../engine/port.ts'
import type { Store, StoreStatus } from '../store/store.ts'
import { sendDocument } from './documents.ts'
import { foreignHeader } from './forms/form-guard.ts'
import { createLargeBodies, largeBodyOf } from './large-bodies.ts'
import type { Pages } from './pages/pages.ts'
import { refuseClient } from './early-refusals.ts'
import { createFacts } from './request-facts.ts'
import { sendProblem } from './feed/problems.ts'
import type { Revocations } from './feed/routes.ts'
import { type Route, type RouteName, routeFor, routesAt } from './routes.ts'
import { setSecurityHeaders } from './security-headers.ts'

export interface DispatchParts {
  readonly issuer: string
  readonly trustProxy: readonly string[]
  readonly current: CurrentEngine
  readonly pages: Pages
  readonly revocations: Pick<Revocations, 'at' | 'ssfConfiguration'>
  readonly store: Pick<Store, 'status'>
  /** Told who holds which version of the JWKS. */
  readonly verifiers: Pick<Verifiers, 'saw'>
  /** How long the documents may be kept. */
  readonly maxAgeSeconds: number
  readonly log: Pick<Log, 'event'>
}

// Client credentials need no store. But a node without contact to its store cannot know which clients were removed, so
// it stops this long after the last answer.
const LONGEST_SILENCE_MS = 5000

export function createDispatch(parts: DispatchParts): RequestListener {
  const { issuer, current, pages, revocations, store, verifiers, maxAgeSeconds } = parts
  const stateFacts = createFacts(parts)
  const largeBodies = createLargeBodies()
  const ownOrigin = new URL(issuer).origin

  return function dispatch(req, res) {
    stateFacts(req)
    setSecurityHeaders(res)
    const url = req.url ?? '/'
    const end = url.indexOf('?')
    const routes = routesAt(end < 0 ? url : url.slice(0, end))
    const route = routeFor(routes, req.method)
    if (route === undefined) return refuseUnrouted(req, res, routes)
    const query = end < 0 ? '' : url.slice(end + 1)
    const bytes = largeBodyOf(req, route.limits.bodyBytes)
    if (bytes === undefined) return begin(route, req, res, query)
    if (!largeBodies.enqueue(req, bytes, () => begin(route, req, res, query))) refuseLarge(route, req, res)
  }

  function begin(route: Route, req: IncomingMessage, res: ServerResponse, query: string): void {
    const fault = refusalOf(route, req, query)
    if (fault === undefined) answer(route, req, res)
    else refuse(route, req, res, fault)
  }

  function answer(route: Route, req: IncomingMessage, res: ServerResponse): void {
    if (route.owner === 'page') void pages.handle(req, res)
    else if (route.owner === 'feed') void revocations.at(route.path)?.handle(req, res)
    else if (route.owner === 'engine' || req.method === 'OPTIONS') void current.engine().handle(req, res)
    else sendPrepared(route, req, res)
  }

  function sendPrepared({ name }: Route, req: IncomingMessage, res: ServerResponse): void {
    const engine = current.engine()
    const isOurs = name === ('ssf-configuration' satisfies RouteName)
    const isKeys = name === ('jwks' satisfies RouteName)
    const isOpenId = name === ('openid-configuration' satisfies RouteName)
    const path = isKeys ? ENGINE_PATHS.jwks : isOpenId ? OPENID_METADATA : OAUTH_METADATA
    const document = isOurs ? revocations.ssfConfiguration : engine.documents.get(path)
    if (document === undefined) return void engine.handle(req, res)
    sendDocument(req, res, document, maxAgeSeconds)
    if (isKeys) noteVerifier(req, engine)
  }

  function refusalOf(route: Route, req: IncomingMessage, query: string): Fault | undefined {
    if (hasTooManyParameters(query, route.limits.parameters)) return new ParametersTooMany()
    // The engine requires only its token. The origin is checked as for our other forms, and a page answers a refusal.
    if (route.name === ('logout-confirmation' satisfies RouteName)) {
      const foreign = foreignHeader(req, ownOrigin)
      if (foreign !== undefined) return new FormForged({ detail: `another ${foreign}` })
    }
    return req.method === 'OPTIONS' ? undefined : storeRefusal(route.store, store.status())
  }

  /** The body is not read, so the connection ends with the answer. */
  function refuseLarge(route: Route, req: IncomingMessage, res: ServerResponse): void {
    res.setHeader('Connection', 'close')
    refuse(route, req, res, new LargeRequestsBusy())
  }

  /** No such address, or not by this method. */
  function refuseUnrouted(req: IncomingMessage, res: ServerResponse, routes: readonly Route[]): void {
    const [first] = routes
    if (first === undefined) return void pages.refuse(req, res, new NotFound())
    res.setHeader('Allow', [...new Set(routes.flatMap(({ methods }) => methods))].join(', '))
    refuse(first, req, res, new MethodNotAllowed())
  }

  function refuse(route: Route, req: IncomingMessage, res: ServerResponse, fault: Fault): void {
    const isForPeople = route.errors === 'page' && (route.owner === 'page' || !wantsJson(req))
    if (isForPeople) void pages.refuse(req, res, fault)
    else if (route.errors === 'problem') sendProblem(req, res, fault)
    else refuseClient(res, fault)
  }

  /** Our verifier says who it is when it fetches the keys (src/resource/issuer/key-cache.ts); others are not known. */
  function noteVerifier({ method, headers }: IncomingMessage, { ringVersion }: Engine): void {
    const id = headers['grantor-verifier']
    if (method === 'GET' && typeof id === 'string') verifiers.saw({ id, version: ringVersion })
  }
}

/** Why a route with this need is not tried now. */
function storeRefusal(need: Route['store'], status: StoreStatus): Fault | undefined {
  if (need === 'none') return undefined
  const detail = status.problem === undefined ? {} : { detail: status.problem }
  if (status.silentMs > LONGEST_SILENCE_MS) return new StoreUnavailable(detail)
  if (need === 'ends') return undefined
  if (!status.ready) return new StoreUnavailable(detail)
  return need === 'issues' && !status.hasRoom ? new StoreFull(detail) : undefined
}

/** A program at an address that a browser opens: it asks for JSON and for no page. */
function wantsJson({ headers: { accept = '' } }: IncomingMessage): boolean {
  return accept.includes('json') && !accept.includes('html')
}
