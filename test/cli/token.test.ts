/** `grantor token inspect` shows what a token says, and believes no signature that the issuer's keys do not bear out. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'

import { aTerminal } from './a-terminal.ts'

const NOW = Date.UTC(2030, 0, 1) / 1000

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
