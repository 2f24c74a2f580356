/**
 * Discovery and JWKS, prepared.
 *
 * Both are the same for all callers and change only with the engine. So the engine is asked once, when it is built, and
 * the responses come from memory with an ETag. This costs a third, and they stay available while the store is away.
 */

import { createHash } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

import { ENGINE_PATHS, OAUTH_METADATA, OPENID_METADATA } from './paths.ts'

export interface PreparedDocument {
  readonly body: Buffer
  readonly etag: string
}

/** Where each document is. The two of discovery differ in what only OAuth clients look for. */
const PATHS = [OPENID_METADATA, OAUTH_METADATA, ENGINE_PATHS.jwks] as const

export interface Documents {
  get(path: (typeof PATHS)[number]): PreparedDocument | undefined
  /** Keeps the answer at a path that has a document. */
  keep(answer: { readonly path: string; readonly status: number; readonly body: unknown }): void
}

export function createDocuments(): Documents {
  const prepared = new Map<string, PreparedDocument>()

  return {
    get: (path) => prepared.get(path),

    keep({ path, status, body }) {
      if (!PATHS.some((one) => one === path) || status !== 200 || prepared.has(path)) return
      prepared.set(path, documentOf(body))
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
  for (const path of PATHS) {
    const req = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: path, headers })
    await handle(req, new ServerResponse(req))
  }
}
