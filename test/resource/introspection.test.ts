/** Opaque tokens at an API: the real server is asked, and a strange one says what it should not. */

import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { createIntrospector } from '../../src/resource/issuer/introspection.ts'
import { createVerifier, type Verifier, type VerifierOptions } from '../../src/resource/index.ts'
import { hashSecret } from '../../src/clients/secrets.ts'
import { within } from '../support/figures.ts'
import { movableClock, type MovableClock } from '../support/movable-clock.ts'
import { type Running, start } from '../support/start.ts'
import {
  callEndpoint,
  createUserAgent,
  newPkce,
  redeem,
  signIn,
  type SignInOptions,
  type TokenAnswer,
} from '../support/user-agent.ts'
import { READER, refusalOf, until } from './feed-fixture.ts'
import { NOW, type StrangeIssuer, startIssuer } from './issuer.ts'

const VAULT = 'https://vault.example'
const OTHER = 'https://other.example'
const SECRET = 'a secret of the vault: 100% +/= enough of it for anybody'
const OPTIONS = { clientId: 'safe', redirectUri: 'http://localhost:4999/callback', scope: 'openid vault:open' }

describe('opaque tokens at an API', () => {
  let app: Running
  let clock: MovableClock
  let keyPair: { privateJwk: JWK; publicJwk: JWK }
  const verifiers: Verifier[] = []

  beforeAll(async () => {
    keyPair = await aKeyPair()
    app = await start({
      apis: [
        {
          audience: VAULT,
          tokenFormat: 'opaque',
          scopes: { 'vault:open': 'Open the vault' },
          introspectedBy: ['vault-api', 'vault-by-key'],
        },
        { audience: OTHER, tokenFormat: 'opaque', scopes: { 'other:read': 'Read' } },
      ],
      clients: [
        { clientId: 'safe', apis: { [VAULT]: ['vault:open'], [OTHER]: ['other:read'] } },
        { clientId: 'doomed', apis: { [VAULT]: ['vault:open'] } },
        aMachine('vault-api', { authMethod: 'client_secret_basic', secretHash: hashSecret(SECRET) }),
        aMachine('vault-by-key', { authMethod: 'private_key_jwt', jwks: { keys: [keyPair.publicJwk] } }),
      ],
    })
  })
  afterAll(async () => {
    await Promise.all(verifiers.map((verifier) => verifier.close()))
    await app.close()
  })
  beforeEach(() => {
    clock = movableClock(Date.now())
  })

  it('are accepted, with the claims that the server tells', async () => {
    const { verifier } = aVerifier()
    const { body } = await issue()

    const claims = await verifier.verify(body.access_token, { scopes: ['vault:open'] })

    expect(claims).toMatchObject({ issuer: app.issuer, clientId: 'safe', audience: [VAULT, app.issuer] })
    expect(claims.subject).toMatch(/^usr_/)
  })

  it('are asked about with a private key as well (RFC 7523)', async () => {
    const { verifier } = aVerifier({ introspection: { clientId: 'vault-by-key', clientKey: keyPair.privateJwk } })

    await expect(verifier.verify((await issue()).body.access_token)).resolves.toBeDefined()
  })

  it('cost one call for a burst of requests, and another when the answer is old [S139]', async () => {
    const { verifier, asked } = aVerifier()
    const { body } = await issue()

    await Promise.all(Array.from({ length: 50 }, () => verifier.verify(body.access_token)))
    clock.moveSeconds(9)
    await verifier.verify(body.access_token)
    expect(asked()).toBe(1)

    clock.moveSeconds(1)
    await verifier.verify(body.access_token)
    expect(asked()).toBe(2)
  })

  it('are refused when the server has revoked them, as soon as the answer is old', async () => {
    const { verifier } = aVerifier()
    const { body } = await issue()
    await verifier.verify(body.access_token)

    await callEndpoint(`${app.issuer}/revoke`, { client_id: 'safe', token: body.access_token ?? '' })
    clock.moveSeconds(10)

    expect(await refusalOf(verifier, body.access_token ?? '')).toBe('token_invalid')
  })

  it('are refused at once by a verifier that follows the feed, when their client was ended', async () => {
    const { verifier } = aVerifier({ revocations: READER })
    const { body } = await issue({ clientId: 'doomed' })
    await verifier.verify(body.access_token)

    await app.nodes[0]?.revocation.endClient('doomed', 'client_ended_by_operator')

    await until(async () => (await refusalOf(verifier, body.access_token ?? '')) === 'token_revoked')
  })

  it('are only access tokens for this very API', async () => {
    const { verifier } = aVerifier()
    const [own, other] = [await issue(), await issue({ scope: 'openid other:read', params: { resource: OTHER } })]

    expect(await refusalOf(verifier, own.body.refresh_token ?? '')).toBe('token_invalid')
    expect(await refusalOf(verifier, other.body.access_token ?? '')).toBe('token_invalid')
  })

  function aVerifier(options: Partial<VerifierOptions> = {}): { verifier: Verifier; asked: () => number } {
    let asked = 0
    const verifier = createVerifier({
      issuer: app.issuer,
      audience: VAULT,
      clock,
      introspection: { clientId: 'vault-api', clientSecret: SECRET },
      fetch(input, init) {
        if (new URL(input instanceof Request ? input.url : input).pathname === '/introspect') asked += 1
        return fetch(input, init)
      },
      ...options,
    })
    verifiers.push(verifier)
    return { verifier, asked: () => asked }
  }

  async function issue(differs: SignInOptions = {}): Promise<TokenAnswer> {
    const pkce = newPkce()
    const options = { ...OPTIONS, ...differs }
    const callback = await signIn(createUserAgent(app), pkce, options)
    return redeem(app.issuer, callback.get('code') ?? '', pkce, options)
  }
})

describe('an introspector', () => {
  let at: StrangeIssuer
  let now: number
  let answer: Record<string, unknown>
  let status: number
  const asked = () => at.asked.get('/introspect') ?? 0

  beforeEach(async () => {
    at = await startIssuer()
    now = NOW
    status = 200
    answer = { active: true, token_type: 'Bearer', aud: VAULT, exp: NOW + 600, client_id: 'machine', scope: 'a' }
    at.answer = (req, res) => {
      if (req.url === '/introspect') res.writeHead(status).end(JSON.stringify(answer))
      else res.end(JSON.stringify({ issuer: at.issuer, introspection_endpoint: `${at.issuer}/introspect` }))
      return true
    }
  })
  afterEach(() => at.close())

  it('fills in who issued the token, and for a machine who it is', async () => {
    expect(await introspector().introspect('t1')).toMatchObject({
      iss: at.issuer,
      sub: 'machine',
      client_id: 'machine',
    })
  })

  const notGood: Record<string, object> = {
    'that is not active': { active: false },
    'that says so by a text': { active: 'true' },
    'of another issuer': { iss: 'https://evil.example' },
    'without a type, as of a refresh token': { token_type: undefined },
    'for no API': { aud: undefined },
    'for another API': { aud: [OTHER] },
    'that never expires': { exp: undefined },
    'that expires at this moment': { exp: NOW },
  }
  it.each(Object.entries(notGood))('refuses a token %s', async (_what, differs) => {
    answer = { ...answer, ...differs }

    await expect(introspector().introspect('t1')).rejects.toMatchObject({ code: 'token_invalid' })
  })

  it('keeps no answer longer than the token lives, nor than thirty seconds [S139]', async () => {
    const one = introspector({ keepSeconds: 30 })
    answer = { ...answer, exp: NOW + 5 }
    await one.introspect('short')
    answer = { ...answer, exp: NOW + 600 }
    await one.introspect('long')
    answer = { active: false }

    now = NOW + 4
    await expect(one.introspect('short')).resolves.toBeDefined()
    now = NOW + 5
    await expect(one.introspect('short')).rejects.toMatchObject({ code: 'token_invalid' })
    now = NOW + 29
    await expect(one.introspect('long')).resolves.toBeDefined()
    now = NOW + 30
    await expect(one.introspect('long')).rejects.toMatchObject({ code: 'token_invalid' })
    expect(() => introspector({ keepSeconds: 31 })).toThrow(TypeError)
  })

  it('keeps no answer longer because a clock was set back', async () => {
    const one = introspector()
    await one.introspect('t1')
    answer = { active: false }

    now = NOW - 60

    await expect(one.introspect('t1')).rejects.toMatchObject({ code: 'token_invalid' })
  })

  it.each([500, 503, 401, 302])('calls no token good when the answer is %d, and asks again [S139]', async (bad) => {
    const one = introspector()
    status = bad
    await expect(one.introspect('t1')).rejects.toMatchObject({ code: 'verifier_unavailable', status: 503 })

    status = 200
    await expect(one.introspect('t1')).resolves.toBeDefined()
  })

  it('calls no token good when no answer comes in time [S139]', async () => {
    const silent = introspector()
    const answerIt = at.answer
    at.answer = (req, res) => req.url === '/introspect' || (answerIt?.(req, res) ?? false)

    await expect(silent.introspect('t1')).rejects.toMatchObject({ code: 'verifier_unavailable' })
  })

  it('asks once about a bad token that is presented repeatedly', async () => {
    const one = introspector()
    answer = { active: false }

    for (let i = 0; i < 20; i++) await one.introspect('bad').catch(() => undefined)

    expect(asked()).toBe(1)
  })

  it('asks no more than it can wait for at once', async () => {
    const one = introspector()

    const storm = await Promise.allSettled(Array.from({ length: 400 }, (_, i) => one.introspect(`invented-${i}`)))

    // On a busy machine some of the others get no answer in time.
    const details = storm.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason.detail) : ''))
    const tooMany = details.filter((detail) => detail.startsWith('too many'))
    expect(tooMany).toHaveLength(144)
    expect(asked()).toBeLessThanOrEqual(256)
    await vi.waitFor(() => one.introspect('later'), within(5000))
  })

  it('never sends what is too long for a token', async () => {
    await expect(introspector().introspect('x'.repeat(5000))).rejects.toMatchObject({ code: 'token_invalid' })
    expect(asked()).toBe(0)
  })

  it('keeps no token, and says none and no secret in its errors', async () => {
    const one = introspector()
    status = 500

    const error = await one.introspect('a-very-secret-token').catch((caught: unknown) => caught)

    const { detail, message, stack } = error as { detail: string; message: string; stack: string }
    expect(`${detail} ${message} ${stack}`).not.toMatch(/a-very-secret-token|a secret of the vault/)
  })

  it.each([
    [{ clientId: 'a' }, 'either a clientSecret or a clientKey'],
    [{ clientId: '', clientSecret: 'b' }, 'needs a clientId'],
    [{ clientId: 'a', clientSecret: 'b', keepSeconds: -1 }, '0 to 30'],
    [{ clientId: 'a', clientSecret: 'b', cache: 60 }, 'no option "cache"'],
  ])('refuses wrong options: %j', (options, message) => {
    const parts = { issuer: at.issuer, audience: VAULT, clock: () => 0, fetch }

    expect(() => createIntrospector({ ...parts, ...options } as never)).toThrow(new RegExp(message))
  })

  function introspector(differs: { keepSeconds?: number } = {}) {
    const client = { clientId: 'vault-api', clientSecret: SECRET }
    return createIntrospector({
      issuer: at.issuer,
      audience: VAULT,
      clock: () => now * 1000,
      fetch,
      ...client,
      ...differs,
    })
  }
})

function aMachine(clientId: string, differs: object) {
  return { clientId, grantTypes: ['client_credentials' as const], redirectUris: [], scopes: [], apis: {}, ...differs }
}

async function aKeyPair(): Promise<{ privateJwk: JWK; publicJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const publicJwk = { ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'vault-1' }
  return { privateJwk: { ...(await exportJWK(privateKey)), kid: 'vault-1' }, publicJwk }
}
