/**
 * Discovery and JWKS, prepared.
 *
 * Both are the same for all callers and change only with the engine. So the engine is asked once, when it is built, and
 * the responses come from memory with an ETag. This costs a third, and they stay available while the store is away.
 */

import { createHash } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

import { ENGINE_PATHS } from './paths.ts'

export interface PreparedDocument {
  readonly body: Buffer
  readonly etag: string
}

export interface Documents {
  get(name: 'discovery' | 'jwks'): PreparedDocument | undefined
  /** Keeps the answer of a route that has a document. */
  keep(route: string | undefined, answer: { readonly status: number; readonly body: unknown }): void
}

export function createDocuments(): Documents {
  const prepared = new Map<string, PreparedDocument>()

  return {
    get: (name) => prepared.get(name),

    keep(route, { status, body }) {
      if ((route !== 'discovery' && route !== 'jwks') || status !== 200 || prepared.has(route)) return
      prepared.set(route, documentOf(body))
    },
  }
}

export function documentOf(content: unknown): PreparedDocument {
  const body = Buffer.from(JSON.stringify(content))
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}

/** Asks a new engine for its documents, in this process and without a network. */
export async function prepareDocuments(
  handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>,
  issuer: string,
): Promise<void> {
  const { host, protocol } = new URL(issuer)
  const headers = { host, 'x-forwarded-proto': protocol.slice(0, -1) }
  for (const path of ['/.well-known/openid-configuration', ENGINE_PATHS.jwks]) {
    const req = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: path, headers })
    await handle(req, new ServerResponse(req))
  }
}
