/**
 * Answers plain requests without the engine.
 *
 * The engine takes about thirty steps for a request, most of them for features that a plain request does not use.
 * Frequent requests (client credentials, codes, refreshes, introspection, userinfo) are answered here when they are
 * plainly valid: with the engine's own models and our rules, up to two and a half times as fast. Every other request
 * goes to the engine unchanged: one with a proof, an assertion, the origin of another application, an unexpected
 * parameter, a wrong secret or verifier, a used token, or while the store does not answer. So this code refuses
 * nothing, and each refusal exists once. test/engine/fast-path/ holds both paths to the same responses, byte for byte,
 * and to equivalent tokens; `fast_path: false` sends all requests to the engine.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Engine } from '../current.ts'
import { handBody, readBody } from '../request/body.ts'
import { inScopeOf } from '../request/scope.ts'
import { ENGINE_PATHS } from '../paths.ts'

export interface FastPath {
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly exposedHeaders: string
  /**
   * Set when it checks itself whether a browser's origin is registered. Other fast paths take no request with an
   * origin.
   */
  readonly takesOrigins?: true
  /** Whether a body can be for it at all: most that come to the token endpoint are not. */
  isFor?(body: Buffer): boolean
  /**
   * The fields of the response, or `undefined` when the engine has to answer. The engine meets any error thrown here
   * again.
   */
  answerTo(req: IncomingMessage, body: Buffer): Promise<object | undefined>
}

/** The members that the fast paths of the token endpoint share. */
export function atTokenEndpoint(grantType: string) {
  return {
    path: ENGINE_PATHS.token,
    method: 'POST',
    exposedHeaders: 'DPoP-Nonce,WWW-Authenticate',
    isFor: (body: Buffer) => body.includes(`grant_type=${grantType}`),
  } as const
}

// A secret, a token and the scopes of an API are shorter.
const MOST_BYTES = 4096
const FORM = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i
const JSON_TAKEN = new Set([undefined, '*/*', 'application/json'])
/** Headers that ask for something of their own. */
const SPECIAL = ['dpop', 'oauth-client-attestation', 'oauth-client-attestation-pop', 'transfer-encoding']

export function withFastPaths(engine: Engine['handle'], fastPaths: readonly FastPath[]): Engine['handle'] {
  const byPath = Map.groupBy(fastPaths, ({ path }) => path)

  return async function handle(req, res) {
    const candidates = byPath.get(req.url ?? '')?.filter((fastPath) => isPlain(req, fastPath)) ?? []
    if (candidates.length === 0) return engine(req, res)
    const taken = await firstAnswer(candidates, req)
    if (taken === undefined) return engine(req, res)
    answer(req, res, taken)
  }
}

interface Answer {
  readonly fastPath: FastPath
  readonly fields: object
}

async function firstAnswer(candidates: readonly FastPath[], req: IncomingMessage): Promise<Answer | undefined> {
  try {
    const body = await bodyOf(req)
    const fastPath = candidates.find((one) => one.isFor?.(body) ?? true)
    const fields = fastPath && (await inScopeOf(req, () => fastPath.answerTo(req, body)))
    if (fastPath === undefined || fields === undefined) return undefined
    req.resume()
    return { fastPath, fields }
  } catch {
    // The engine runs into the same fault and answers it.
    return undefined
  }
}

const NO_BODY = Buffer.alloc(0)

async function bodyOf(req: IncomingMessage): Promise<Buffer> {
  if (req.method === 'GET') return NO_BODY
  const body = await readBody(req, MOST_BYTES)
  handBody(req, async () => body)
  return body
}

function isPlain({ method, headers }: IncomingMessage, { method: wanted, takesOrigins }: FastPath): boolean {
  if (method !== wanted || !JSON_TAKEN.has(headers.accept)) return false
  if (SPECIAL.some((name) => headers[name] !== undefined)) return false
  if (headers.origin !== undefined && takesOrigins !== true) return false
  if (wanted === 'GET') return headers['content-length'] === undefined && headers['content-type'] === undefined
  const length = Number(headers['content-length'])
  return length > 0 && length <= MOST_BYTES && FORM.test(headers['content-type'] ?? '')
}

function answer({ headers }: IncomingMessage, res: ServerResponse, { fastPath, fields }: Answer): void {
  const body = JSON.stringify(fields)
  res.writeHead(200, {
    Vary: 'Origin',
    'Access-Control-Allow-Origin': headers.origin ?? '*',
    'Access-Control-Expose-Headers': fastPath.exposedHeaders,
    'cache-control': 'no-store',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  })
  res.end(body)
}
