/**
 * Plain requests, answered beside the engine.
 *
 * A request goes through some thirty steps of the engine, most of which are for requests that ask for more. The three
 * that come by the thousand (a token for a machine, introspection, userinfo) are answered here at once when they are
 * plainly good: with the engine's own models and under the same rules of ours, at about twice the speed. All else goes to
 * the engine, as if nobody had read it: a proof, an assertion, a browser's origin, a parameter that is not expected, a
 * secret that is wrong, a token that is not active, a store that does not answer. So nothing is refused here, and no
 * refusal is written twice. test/provider/shortcuts/ holds both ways to the same answers, byte for byte;
 * `shortcuts: false` leaves all to the engine.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Engine } from '../current.ts'
import { handBody, readBody } from '../request-body.ts'
import { inScopeOf } from '../request-scope.ts'

export interface Shortcut {
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly exposedHeaders: string
  /** Whether a body can be for it at all: most that come to the token endpoint are not. */
  isFor?(body: Buffer): boolean
  /** The answer's fields, or `undefined` where the engine is to answer. Whatever it throws, the engine meets again. */
  answerTo(req: IncomingMessage, body: Buffer): Promise<object | undefined>
}

// A secret, a token and the scopes of an API are shorter.
const MOST_BYTES = 4096
const FORM = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i
const JSON_TAKEN = new Set([undefined, '*/*', 'application/json'])
/** Headers that ask for something of their own. */
const SPECIAL = ['origin', 'dpop', 'oauth-client-attestation', 'oauth-client-attestation-pop', 'transfer-encoding']

export function besideEngine(engine: Engine['handle'], shortcuts: readonly Shortcut[]): Engine['handle'] {
  const byPath = new Map(shortcuts.map((shortcut) => [shortcut.path, shortcut]))

  return async function handle(req, res) {
    const shortcut = byPath.get(req.url ?? '')
    if (shortcut === undefined || !isPlain(req, shortcut.method)) return engine(req, res)
    const fields = await fieldsBy(shortcut, req)
    if (fields === undefined) return engine(req, res)
    answer(res, shortcut, fields)
  }
}

async function fieldsBy(shortcut: Shortcut, req: IncomingMessage): Promise<object | undefined> {
  try {
    const body = shortcut.method === 'POST' ? await readBody(req, MOST_BYTES) : NO_BODY
    if (shortcut.method === 'POST') handBody(req, async () => body)
    if (shortcut.isFor?.(body) === false) return undefined
    const fields = await inScopeOf(req, () => shortcut.answerTo(req, body))
    if (fields !== undefined) req.resume()
    return fields
  } catch {
    // The engine meets the same fault, and has the words for it.
    return undefined
  }
}

const NO_BODY = Buffer.alloc(0)

function isPlain({ method, headers }: IncomingMessage, wanted: Shortcut['method']): boolean {
  if (method !== wanted || !JSON_TAKEN.has(headers.accept)) return false
  if (SPECIAL.some((name) => headers[name] !== undefined)) return false
  if (wanted === 'GET') return headers['content-length'] === undefined && headers['content-type'] === undefined
  const length = Number(headers['content-length'])
  return length > 0 && length <= MOST_BYTES && FORM.test(headers['content-type'] ?? '')
}

function answer(res: ServerResponse, { exposedHeaders }: Shortcut, fields: object): void {
  const body = JSON.stringify(fields)
  res.writeHead(200, {
    Vary: 'Origin',
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': exposedHeaders,
    'cache-control': 'no-store',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  })
  res.end(body)
}
