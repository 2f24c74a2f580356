/** An operator finds each refusal, with what was wrong, in one line of the log and in the audit trail. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { AuditRecord } from '../../../src/audit/audit.ts'
import { authorize, basic, CALLBACK, confidential, type Params, post, SECRET } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { createUserAgent } from '../../support/user-agent.ts'

interface Line {
  readonly event?: string
  readonly [name: string]: unknown
}

const lines: Line[] = []
let app: Running
beforeAll(async () => {
  app = await start({
    clients: [
      confidential('shop', { apis: { 'https://orders.example': ['orders:read'] } }),
      confidential('strict', { acceptedAuthMethods: ['client_secret_basic'] }),
      confidential('signer', { grantTypes: ['authorization_code'] }),
    ],
    onLog: (line) => lines.push(JSON.parse(line) as Line),
  })
})
afterAll(() => app.close())
beforeEach(() => {
  lines.length = 0
})

interface Refused {
  readonly send: () => Promise<{ readonly headers: Headers; readonly text: string }>
  readonly line: Line
}

const token = (params: Params, headers = basic('shop')) => post(`${app.issuer}/token`, params, headers)
const asks = (params: Params) =>
  authorize(createUserAgent(app), { client_id: 'shop', redirect_uri: CALLBACK, scope: 'openid', ...params })

const REFUSALS: Readonly<Record<string, Refused>> = {
  'a redirect URI that differs by a slash': {
    send: () => asks({ redirect_uri: `${CALLBACK}/` }),
    line: { route: 'authorization', client: 'shop', error: 'invalid_redirect_uri', value: `${CALLBACK}/` },
  },
  'an unknown client': {
    send: () => asks({ client_id: 'shopp' }),
    line: { route: 'authorization', client: 'shopp', error: 'invalid_client', value: 'shopp' },
  },
  'a scope that goes back by redirect': {
    send: () => asks({ scope: 'orders:raed' }),
    line: { route: 'authorization', client: 'shop', error: 'invalid_scope', value: 'orders:raed' },
  },
  'no PKCE': {
    send: () => asks({ code_challenge: undefined, code_challenge_method: undefined }),
    line: { route: 'authorization', client: 'shop', error: 'invalid_request' },
  },
  'a response type': {
    send: () => asks({ response_type: 'token' }),
    line: { route: 'authorization', client: 'shop', error: 'unsupported_response_type', value: 'token' },
  },
  'a resource': {
    send: () => asks({ resource: 'https://none.example' }),
    line: { route: 'authorization', client: 'shop', error: 'invalid_target', value: 'https://none.example' },
  },
  'a silent sign-in without a session': {
    send: () => asks({ prompt: 'none' }),
    line: { route: 'authorization', client: 'shop', error: 'login_required' },
  },
  'a wrong secret': {
    send: () => token({ grant_type: 'client_credentials' }, basic('shop', 'wrong-secret-of-the-test')),
    line: { route: 'token', client: 'shop', error: 'invalid_client', detail: 'invalid secret provided' },
  },
  'a right secret by the wrong method': {
    send: () => token({ grant_type: 'client_credentials', client_id: 'strict', client_secret: SECRET }, {} as never),
    line: { route: 'token', client: 'strict', error: 'invalid_client' },
  },
  'a grant type of the client': {
    send: () => token({ grant_type: 'client_credentials' }, basic('signer')),
    line: { route: 'token', client: 'signer', error: 'unauthorized_client', value: 'client_credentials' },
  },
  'a grant type of the server': {
    send: () => token({ grant_type: 'password', username: 'a', password: 'a-password-of-the-test' }),
    line: { route: 'token', client: 'shop', error: 'unsupported_grant_type', value: 'password' },
  },
  'a code that is none': {
    send: () => token({ grant_type: 'authorization_code', code: 'a-code-of-the-test', redirect_uri: CALLBACK }),
    line: { route: 'token', client: 'shop', error: 'invalid_grant' },
  },
  'a misspelt scope of a machine': {
    send: () => token({ grant_type: 'client_credentials', scope: 'orders:raed' }),
    line: { route: 'token', client: 'shop', error: 'invalid_scope', value: 'orders:raed' },
  },
  'a pushed request': {
    send: () => post(`${app.issuer}/par`, { client_id: 'shop', redirect_uri: `${CALLBACK}2` }, basic('shop')),
    line: { route: 'pushed_authorization_request', client: 'shop', error: 'invalid_request' },
  },
  'a revocation without a token': {
    send: () => post(`${app.issuer}/revoke`, {}, basic('shop')),
    line: { route: 'revocation', client: 'shop', error: 'invalid_request' },
  },
  'introspection in the name of a public client': {
    send: () => post(`${app.issuer}/introspect`, { client_id: 'demo-spa', token: 'x' }),
    line: { route: 'introspection', client: 'demo-spa', error: 'invalid_client' },
  },
  'a token that opens nothing': {
    send: () => post(`${app.issuer}/userinfo`, {}, { authorization: 'Bearer a-token-of-the-test' }),
    line: { route: 'userinfo', error: 'invalid_token' },
  },
  'a logout to an unknown address': {
    send: async () => {
      const path = `/logout?client_id=shop&post_logout_redirect_uri=${encodeURIComponent('https://none.example/')}`
      const response = await createUserAgent(app).get(path)
      return { headers: response.headers, text: await response.text() }
    },
    line: { route: 'end_session', client: 'shop', error: 'invalid_request' },
  },
}

/** What a caller has sent and nobody may read. */
const SECRETS = [
  'wrong-secret-of-the-test',
  SECRET,
  'a-password-of-the-test',
  'a-code-of-the-test',
  'a-token-of-the-test',
]

describe('[C11] a refusal', () => {
  describe.each(Object.entries(REFUSALS))('of %s', (_name, { send, line }) => {
    it('is one line of the log, with client, address, route, reason and value', async () => {
      const { headers } = await send()

      const found = lines.filter(({ event }) => event === 'protocol_request_refused')
      expect(found).toEqual([expect.objectContaining({ ...line, address: '127.0.0.1' })])
      expect(found[0]?.errorId).toMatch(/^[0-9a-f]{10}$/)
      expect(headers.get('x-error-id')).toBe(found[0]?.errorId)
      for (const secret of SECRETS) expect(JSON.stringify(lines)).not.toContain(secret)
    })
  })

  it.each(Object.entries(REFUSALS))('of %s is in the audit trail', async (_name, { send, line }) => {
    await send()

    const event =
      line.error === 'invalid_client' ? /^client\.authentication_failed$|^request\.refused$/ : /^request\.refused$/
    const expected = { clientId: line.client, address: '127.0.0.1', outcome: 'failure', reason: expect.any(String) }
    expect((await audited()).filter((record) => event.test(record.event))).toContainEqual(
      expect.objectContaining(Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined))),
    )
    for (const secret of SECRETS) expect(JSON.stringify(await audited())).not.toContain(secret)
  })

  it('shows a person the id of its line', async () => {
    const { text } = await asks({ redirect_uri: `${CALLBACK}/` })

    expect(text).toContain(String(lines.find(({ event }) => event === 'protocol_request_refused')?.errorId))
  })

  it('[A13] that a stranger repeats does not fill the audit trail', async () => {
    for (let time = 0; time < 40; time++) await asks({ client_id: 'repeating' })

    expect((await refusalsOf('repeating')).length).toBeLessThanOrEqual(20)
  })

  async function audited(): Promise<AuditRecord[]> {
    const audit = app.nodes[0]?.audit
    await audit?.settled()
    return ((await audit?.read(undefined, 1000)) ?? []).map(({ record }) => record)
  }

  async function refusalsOf(clientId: string): Promise<AuditRecord[]> {
    return (await audited()).filter((record) => record.clientId === clientId)
  }
})
