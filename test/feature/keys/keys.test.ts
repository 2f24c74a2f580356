import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { SIGNING_ALGORITHMS } from '../../../src/registry/api/api.ts'
import { oneClient, problemsOf } from '../../config/sources.ts'
import { type Running, start } from '../../support/start.ts'
import { newCode, post, redemption, signedIn } from '../../support/requests.ts'

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

describe('published keys', () => {
  let app: Running
  beforeAll(async () => {
    const apis = SIGNING_ALGORITHMS.map((algorithm) => ({
      audience: `https://${algorithm.toLowerCase()}.example`,
      algorithm,
      secret: algorithm === 'HS256' ? Buffer.alloc(32, 7) : undefined,
    }))
    app = await start({ apis })
  })
  afterAll(() => app.close())

  async function publishedKeys(): Promise<(JsonWebKey & { kid: string; alg: string; use: string })[]> {
    const response = await fetch(`${app.issuer}/jwks`)
    return ((await response.json()) as { keys: Awaited<ReturnType<typeof publishedKeys>> }).keys
  }

  it('[S83] have public members only, and each a kid of its own, a use and an algorithm', async () => {
    const keys = await publishedKeys()

    expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(['RS256', 'PS256', 'ES256', 'EdDSA', 'ML-DSA-65']))
    for (const key of keys) {
      for (const member of PRIVATE) expect(key).not.toHaveProperty(member)
      expect(key).toMatchObject({ kid: expect.stringMatching(/./), use: 'sig', alg: expect.stringMatching(/./) })
    }
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
  })

  describe('[S84] are strong', () => {
    it('RSA of 2048 bits, curves of 256, and no shared secret', async () => {
      for (const jwk of await publishedKeys()) {
        expect(jwk.kty).not.toBe('oct')
        expect(jwk.alg).not.toMatch(/^HS/)
        const { asymmetricKeyDetails, asymmetricKeyType } = createPublicKey({ key: jwk, format: 'jwk' })
        if (jwk.kty === 'RSA') expect(asymmetricKeyDetails?.modulusLength).toBeGreaterThanOrEqual(2048)
        else expect(asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType).toMatch(/^(prime256v1|ed25519|ml-dsa-65)$/)
      }
    })

    it.each([
      ['RSA of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })],
      [
        'a curve of 256 bits that JOSE does not sign with',
        generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }),
      ],
      ['a shared secret', { kty: 'oct', k: Buffer.alloc(32).toString('base64url') }],
      ['a private key', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })],
    ])('a client with %s stops the start', (_name, jwk) => {
      const yaml = oneClient(
        `token_endpoint_auth_method: private_key_jwt\njwks: ${JSON.stringify({ keys: [jwk] })}`,
      ).replace(/ {4}client_secret_sha256: .*\n/, '')

      expect(problemsOf({ yaml })).toEqual([expect.stringMatching(/jwks/)])
    })

    it('a shared secret of less than 256 bits stops the start', () => {
      const secret = Buffer.alloc(31, 7).toString('hex')

      expect(
        problemsOf({ yaml: `apis: [{ audience: https://a.example, token: { algorithm: HS256, secret: ${secret} } }]` }),
      ).toEqual([expect.stringMatching(/secret/)])
    })
  })

  describe('[S85] an unsigned ID token', () => {
    it.each(['id_token_signed_response_alg: none', 'userinfo_signed_response_alg: none'])(
      'cannot be registered for: %s',
      (setting) => {
        expect(problemsOf({ yaml: oneClient(setting) })).toEqual([expect.stringContaining(setting.split(':')[0] ?? '')])
      },
    )

    it('is not advertised and not issued', async () => {
      const discovery = (await (await fetch(`${app.issuer}/.well-known/openid-configuration`)).json()) as object
      for (const [name, values] of Object.entries(discovery)) {
        if (name.includes('alg_values')) expect([values].flat(), name).not.toContain('none')
      }

      const agent = await signedIn(app)
      const granted = await newCode(agent, { params: { id_token_signed_response_alg: 'none' } })
      const { body } = await post(`${app.issuer}/token`, redemption(granted))
      expect(decodeProtectedHeader(String(body.id_token))).toMatchObject({ alg: 'RS256', kid: expect.any(String) })
    })
  })
})
