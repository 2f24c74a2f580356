/**
 * The first to see a request: it states the facts, sets the headers, and says who answers.
 *
 * Kept on bare `node:http`, because all of it is paid by every token: prepared documents go out from here, the engine's
 * paths go to the engine, everything else is a page.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

import type { Log } from '../audit/log.ts'
import type { Verifiers } from '../keyring/verifiers.ts'
import type { CurrentEngine, Engine } from '../provider/current.ts'
import { documentAt, engineMethods, isSentOnByGet, LOGOUT_CONFIRMATION, SSF_CONFIGURATION } from '../provider/routes.ts'
import type { Store } from '../store/store.ts'
import { sendDocument } from './documents.ts'
import { foreignHeader } from './middleware/form-guard.ts'
import type { Pages } from './pages/pages.ts'
import { createFacts } from './request-facts.ts'
import type { Revocations } from './revocations/revocations.ts'
import { setSecurityHeaders } from './security-headers.ts'

export interface DispatchParts {
  readonly issuer: string
  readonly trustProxy: readonly string[]
  readonly current: CurrentEngine
  readonly pages: Pages
  readonly revocations: Pick<Revocations, 'at' | 'ssfConfiguration'>
  readonly store: Store
  /** Told who holds which version of the JWKS. */
  readonly verifiers: Pick<Verifiers, 'saw'>
  /** How long the documents may be kept. */
  readonly maxAgeSeconds: number
  readonly log: Pick<Log, 'warn'>
}

// A token for a machine needs no store, but a node that has not heard of its store cannot know what was removed: it
// stops this long after the last answer.
const LONGEST_SILENCE_MS = 5000

export function createDispatch(parts: DispatchParts): RequestListener {
  const { issuer, current, pages, revocations, store, verifiers, maxAgeSeconds } = parts
  const stateFacts = createFacts(parts)
  const ownOrigin = new URL(issuer).origin

  /** The engine asks only for its token; the origin is asked for as in every other form of ours, and a page says no. */
  function isForgedLogout(path: string, req: IncomingMessage): boolean {
    return path === LOGOUT_CONFIRMATION && foreignHeader(req, ownOrigin) !== undefined
  }

  return function dispatch(req, res) {
    stateFacts(req)
    setSecurityHeaders(res)
    const url = req.url ?? '/'
    const end = url.indexOf('?')
    const path = end < 0 ? url : url.slice(0, end)

    const document = documentAt(path)
    if (document !== undefined && isRead(req)) {
      const engine = current.engine()
      const prepared = engine.documents.get(document)
      if (prepared !== undefined) {
        sendDocument(req, res, prepared, maxAgeSeconds)
        if (document === 'jwks') noteVerifier(req, engine)
        return
      }
    }
    if (path === SSF_CONFIGURATION && isRead(req)) {
      sendDocument(req, res, revocations.ssfConfiguration, maxAgeSeconds)
      return
    }
    const methods = engineMethods(path)
    if (methods === undefined || isSentOnByGet(path, req.method) || isForgedLogout(path, req)) {
      void pages.handle(req, res)
    } else if (!methods.includes(req.method ?? '')) {
      refuse(res, 405, 'invalid_request', `use ${methods.join(' or ')} here`, { Allow: methods.join(', ') })
    } else if (document === undefined && store.status().silentMs > LONGEST_SILENCE_MS) {
      refuse(res, 503, 'temporarily_unavailable', 'the store does not answer', { 'Retry-After': '2' })
    } else {
      void (revocations.at(path) ?? current.engine()).handle(req, res)
    }
  }

  /** Our verifier says who it is when it fetches the keys (src/resource/key-cache.ts); others are not known. */
  function noteVerifier({ method, headers }: IncomingMessage, { ringVersion }: Engine): void {
    const id = headers['grantor-verifier']
    if (method === 'GET' && typeof id === 'string') verifiers.saw({ id, version: ringVersion })
  }
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD'
}

function refuse(
  res: ServerResponse,
  status: number,
  error: string,
  description: string,
  headers: Readonly<Record<string, string>>,
): void {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store', ...headers })
  res.end(JSON.stringify({ error, error_description: description }))
}
