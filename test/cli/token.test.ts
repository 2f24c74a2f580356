/** `grantor token inspect` shows what a token says, and believes no signature that the issuer's keys do not bear out. */

import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { operate } from '../revocation/operator.ts'
import { basic, confidential, KINDS_OF_API, ORDERS, post, SCOPE_OF, SHARED } from '../support/requests.ts'
import { type Running, start } from '../support/start.ts'
import { aTerminal } from './a-terminal.ts'

const NOW = Date.UTC(2030, 0, 1) / 1000
const SCOPES_OF_MACHINE = { [ORDERS]: ['orders:read'], [SHARED]: ['shared:read'] }

/** An issuer with one key, as far as its metadata and keys go. */
async function anIssuer(changes: Record<string, unknown> = {}) {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const server = createServer((req, res) => {
    const metadata = { issuer, jwks_uri: `${issuer}/jwks`, ...changes }
    const answer = req.url === '/jwks' ? { keys: [key] } : metadata
    res.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const key = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  const sign = (payload: JWTPayload) =>
    new SignJWT({ iss: issuer, iat: NOW - 60, exp: NOW + 600, ...payload })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' })
      .sign(privateKey)
  return { issuer, sign }
}

describe('grantor token inspect', () => {
  it('decodes header and payload, with times in words', async () => {
    const { sign } = await anIssuer()
    const { code, out } = await (await aTerminal()).run('token inspect', {
      piped: `${await sign({ scope: 'orders:read' })}\n`,
    })

    expect(code).toBe(0)
    expect(out).toMatch(/^typ +at\+jwt$/m)
    expect(out).toMatch(/^scope +orders:read$/m)
    expect(out).toContain(`${NOW + 600}  2030-01-01 00:10:00 UTC, in 10m`)
    expect(out).toContain('not checked')
  })

  it('takes the token as an argument too', async () => {
    const { sign } = await anIssuer()

    expect(JSON.parse((await (await aTerminal()).run(`token inspect ${await sign({})} --json`)).out)).toMatchObject({
      header: { kid: 'k1' },
      payload: { exp: NOW + 600 },
    })
  })

  it('says that a good token is good', async () => {
    const { issuer, sign } = await anIssuer()
    const { code, out } = await (await aTerminal()).run(`token inspect --verify ${issuer}`, { piped: await sign({}) })

    expect(code).toBe(0)
    expect(out).toContain(`good: signed by key k1 of ${issuer}`)
    expect(out).toContain('whether it was revoked is not checked here')
  })

  it('says of an HS256 token that published keys cannot check it, and calls it neither good nor bad', async () => {
    const { issuer } = await anIssuer()
    const token = await new SignJWT({ iss: issuer, exp: NOW + 600 })
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
      .sign(randomBytes(32))
    const { code, out, err } = await (await aTerminal()).run(`token inspect --verify ${issuer}`, { piped: token })

    expect({ code, err }).toEqual({ code: 1, err: 'The token could not be checked.' })
    expect(out).toContain('not checked: an HS256 token')
    expect(out).not.toMatch(/^(good|bad)/m)
  })

  it('ends with 1 for a token that is expired, foreign, altered or unsigned', async () => {
    const { issuer, sign } = await anIssuer()
    const good = await sign({})
    const [header = '', payload = '', signature = ''] = good.split('.')
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
    const altered = `${header}.${Buffer.from(JSON.stringify({ iss: issuer, exp: NOW + 9999 })).toString('base64url')}.${signature}`
    const bad = [
      await sign({ exp: NOW - 1 }),
      await sign({ iss: 'https://other.example' }),
      await (await anIssuer()).sign({ iss: issuer }),
      altered,
      none,
    ]

    for (const token of bad) {
      const { code, out, err } = await (await aTerminal()).run(`token inspect --verify ${issuer}`, { piped: token })
      expect({ code, err }).toEqual({ code: 1, err: 'The token is not to be trusted.' })
      expect(out).toContain('bad: ')
    }
  })

  it('believes no metadata that names another issuer', async () => {
    const { issuer, sign } = await anIssuer({ issuer: 'https://other.example' })

    expect(await (await aTerminal()).run(`token inspect --verify ${issuer}`, { piped: await sign({}) })).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('calls itself https://other.example'),
    })
  })

  it.each(['', 'opaque', 'a.b.c', 'a.b'])('refuses what is no JWT: %j', async (piped) => {
    expect(await (await aTerminal()).run('token inspect', { piped })).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^This is no JWT/),
    })
  })

  it('says so when the issuer does not answer', async () => {
    const { sign } = await anIssuer()

    expect(
      await (await aTerminal()).run('token inspect --verify http://127.0.0.1:9', { piped: await sign({}) }),
    ).toMatchObject({ code: 1, err: expect.stringContaining('does not answer') })
  })
})

describe('grantor token inspect --store', () => {
  let app: Running
  beforeAll(async () => {
    const machine = confidential('machine', { grantTypes: ['client_credentials'], apis: SCOPES_OF_MACHINE })
    app = await start({ apis: KINDS_OF_API, clients: [machine] })
  })
  afterAll(() => app.close())

  it.each(Object.keys(SCOPES_OF_MACHINE))(
    'says that a live token for %s is good, and a revoked one is not',
    async (api) => {
      const token = await machineToken(app.issuer, api)
      const inspect = () => operate(app, ['token', 'inspect', '--store'], token)

      expect(await inspect()).toMatchObject({ code: 0, out: expect.stringContaining('and not revoked') })
      expect((await operate(app, ['revoke', 'token'], token)).code).toBe(0)
      expect(await inspect()).toMatchObject({
        code: 1,
        out: expect.stringContaining('bad: revoked'),
        err: 'The token is not to be trusted.',
      })
    },
  )

  it('says that a token with a forged signature, or of another server, is bad', async () => {
    const token = await machineToken(app.issuer, ORDERS)
    const foreign = await (await anIssuer()).sign({ iss: app.issuer, aud: ORDERS })

    for (const bad of [token.replace(/.{8}$/, 'AAAAAAAA'), foreign]) {
      expect(await operate(app, ['token', 'inspect', '--store'], bad)).toMatchObject({
        code: 1,
        out: expect.stringContaining('bad: no access token of this server'),
      })
    }
  })

  it('is not asked for together with --verify', async () => {
    expect((await (await aTerminal()).run('token inspect --store --verify https://auth.example.com')).code).toBe(2)
  })
})

async function machineToken(issuer: string, resource: string): Promise<string> {
  const answer = await post(
    `${issuer}/token`,
    { grant_type: 'client_credentials', resource, scope: SCOPE_OF[resource] },
    basic('machine'),
  )
  return String(answer.body.access_token)
}
