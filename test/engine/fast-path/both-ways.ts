/** Two nodes of one issuer on one store: one takes fastPath, the other leaves all to the engine. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { Provider } from 'oidc-provider'
import { describe, expect, it, vi } from 'vitest'

import { startApp } from '../../../src/app.ts'
import { createLog } from '../../../src/audit/log.ts'
import { type Running, type StartOptions, start } from '../../support/start.ts'
import { callEndpoint, createUserAgent, newPkce, signIn, type TokenAnswer } from '../../support/user-agent.ts'

type Params = Readonly<Record<string, string | undefined>>

export interface Request {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Params
  readonly form?: Params | string
}

export interface Answer {
  readonly status: string
  /** In their order. */
  readonly headers: readonly string[]
  readonly body: string
}

export interface BothWays {
  readonly app: Running
  /** The answers of both; fails unless the first went around the engine. What can be sent once has a `twin`. */
  plainly(request: Request, twin?: Request): Promise<{ ours: Answer; theirs: Answer }>
  /** The answers of both; fails unless the engine gave the first, too. */
  byTheEngine(request: Request, twin?: Request): Promise<{ ours: Answer; theirs: Answer }>
  close(): Promise<void>
}

export async function startBothWays(options: StartOptions): Promise<BothWays> {
  const app = await start(options)
  const engine = await startApp({ ...app.config, port: 0, fastPath: false }, { log: createLog({ level: 'silent' }) })

  // A client's first request is the engine's, which looks the client up; from then on the server holds it.
  for (const { clientId } of app.config.clients) await callEndpoint(`${app.urls[0]}/token`, { client_id: clientId })

  return {
    app,

    async plainly(request, twin = request) {
      const { answer: ours, contexts } = await watched(() => sent(app.urls[0] as string, request))
      // With an engine that the fast path does not know (overrides/rehearsal.test.ts) it is off.
      if (process.env.REHEARSED_ENGINE === '1') expect(contexts).toBeGreaterThan(0)
      else expect(contexts).toBe(0)
      return { ours, theirs: await sent(engine.url, twin) }
    },

    async byTheEngine(request, twin = request) {
      const { answer: ours, contexts } = await watched(() => sent(app.urls[0] as string, request))
      expect(contexts).toBeGreaterThan(0)
      return { ours, theirs: await sent(engine.url, twin) }
    },

    async close() {
      await engine.close()
      await app.close()
    },
  }
}

/** The engine makes a context of every request that it sees, and warns of a body that was read before. */
async function watched(send: () => Promise<Answer>): Promise<{ answer: Answer; contexts: number }> {
  const contexts = vi.spyOn(Provider.prototype, 'createContext')
  const warnings = vi.spyOn(console, 'warn')
  try {
    const answer = await send()
    expect(warnings).not.toHaveBeenCalled()
    return { answer, contexts: contexts.mock.calls.length }
  } finally {
    contexts.mockRestore()
    warnings.mockRestore()
  }
}

const FORM = 'application/x-www-form-urlencoded'

async function sent(url: string, { method = 'POST', path, headers = {}, form = '' }: Request): Promise<Answer> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form as Record<string, string>).toString()
  const ofBody = method === 'POST' ? { 'content-type': FORM, 'content-length': String(body.length) } : {}
  const all: Params = { host: 'x', connection: 'close', ...ofBody, ...headers }
  const head = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]))
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  socket.write(`${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n${body}`)
  await once(socket, 'close')
  return read(text)
}

function read(text: string): Answer {
  const end = text.indexOf('\r\n\r\n')
  const [status = '', ...lines] = text.slice(0, end).split('\r\n')
  return { status, headers: lines.filter((line) => !line.startsWith('Date: ')), body: text.slice(end + 4) }
}

export type Rows = Readonly<Record<string, () => Request>>

/** Each row is answered beside the engine, and as the engine answers it; `good` stands in the answer. */
export function describePlain(both: () => BothWays, rows: Rows, good: string): void {
  describe.each(Object.entries(rows))('%s', (_name, request) => {
    it('is answered by the fast path as the engine would', async () => {
      const { ours, theirs } = await both().plainly(request())

      expect(ours.status).toBe('HTTP/1.1 200 OK')
      expect(ours.body).toContain(good)
      expect(comparable(ours)).toEqual(comparable(theirs))
    })
  })
}

/** Each row is answered by the engine. */
export function describeLeftToTheEngine(both: () => BothWays, rows: Rows): void {
  describe.each(Object.entries(rows))('%s', (_name, request) => {
    it('is answered by the engine, as if the fast path did not exist', async () => {
      const { ours, theirs } = await both().byTheEngine(request())

      expect(comparable(ours)).toEqual(comparable(theirs))
    })
  })
}

/** What differs from one answer to the next is left out: tokens, nonces, and references under which errors are logged. */
export function comparable({ status, headers, body }: Answer): Answer {
  return {
    status,
    headers: headers.map((line) =>
      line.replace(/'nonce-[^']+'/g, 'a nonce').replace(/^((?:dpop-nonce|x-error-id): ).+/i, '$1…'),
    ),
    body: body
      .replace(/"(access_token|id_token|refresh_token)":"[^"]+"/g, '"$1":"…"')
      .replace(/(?:error_id":"|<code>|nonce[="-]+)[0-9A-Za-z_+/=-]{10,}/g, '…'),
  }
}

export const REDIRECT_URI = 'http://localhost:4999/callback'

interface Redemption {
  /** Sends its secret in the header; a public client unless set. */
  readonly secret?: string
  readonly dpop?: string
}

/** The tokens that this client gets for a person who signs in. */
export async function signedIn(
  app: Running,
  clientId: string,
  scope: string,
  { secret, dpop }: Redemption = {},
): Promise<TokenAnswer['body']> {
  const pkce = newPkce()
  const options = { clientId, redirectUri: REDIRECT_URI, scope }
  const code = (await signIn(createUserAgent(app), pkce, options)).get('code') ?? ''
  const form = { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI, code, code_verifier: pkce.verifier }
  const client = secret === undefined ? undefined : { id: clientId, secret }
  const all = client === undefined ? { ...form, client_id: clientId } : form
  return (await callEndpoint(`${app.issuer}/token`, all, client, dpop === undefined ? {} : { dpop })).body
}

export function basic(id: string, secret: string, scheme = 'Basic'): { readonly authorization: string } {
  return { authorization: `${scheme} ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}
