/**
 * Plain requests, answered beside the engine.
 *
 * A request goes through some thirty steps of the engine, most of which are for requests that ask for more. Those that
 * come by the thousand (tokens for machines, codes, refreshes, introspection, userinfo) are answered here at once when
 * they are plainly good: with the engine's own models and under the same rules of ours, up to two and a half times as
 * fast. All else goes to the engine, as if nobody had read it: a proof, an assertion, the origin of another application, a
 * parameter that is not expected, a secret or verifier that is wrong, a token that is spent, a store that does not answer.
 * So nothing is refused here, and no refusal is written twice. test/engine/fast-path/ holds both ways to the same
 * answers, byte for byte, and to tokens that mean the same; `fast_path: false` leaves all to the engine.
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
  /** Whether it looks itself if a browser's origin is one of the client's; others take no request with an origin. */
  readonly takesOrigins?: true
  /** Whether a body can be for it at all: most that come to the token endpoint are not. */
  isFor?(body: Buffer): boolean
  /** The answer's fields, or `undefined` where the engine is to answer. Whatever it throws, the engine meets again. */
  answerTo(req: IncomingMessage, body: Buffer): Promise<object | undefined>
}

/** What the fast paths of the token endpoint share. */
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
    // The engine meets the same fault, and has the words for it.
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
