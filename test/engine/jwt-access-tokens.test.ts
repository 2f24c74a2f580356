/** Our JWT access tokens have the same claims as the engine's own, for every use and every holder. */

import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JWK, jwtVerify } from 'jose'
import { type Client, type Configuration, Provider } from 'oidc-provider'
import { beforeAll, describe, expect, it } from 'vitest'

import { systemClock } from '../../src/base/clock.ts'
import { createJwsSigner } from '../../src/keyring/jws-signer.ts'
import { generatePrivateJwk, type PrivateJwk } from '../../src/keyring/signing-key.ts'
import { subjects } from '../../src/engine/configuration/subject-identifiers.ts'
import { jwtAccessTokens } from '../../src/engine/overrides/tokens/jwt-access-tokens.ts'
import { createMapAdapters } from '../support/map-adapter.ts'

const ISSUER = 'https://issuer.example'
const API = 'https://orders.example'
const SALT = { pairwiseSalt: 'a salt of the test' }
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'ML-DSA-65'] as const
const SECRET = createSecretKey(randomBytes(32))

type Model = 'AccessToken' | 'ClientCredentials'
type Properties = Readonly<Record<string, unknown>>

const PERSON = { accountId: 'usr_ana', scope: 'openid orders:read' }
const TOKENS: Record<string, readonly [model: Model, client: string, properties: Properties]> = {
  'a person': ['AccessToken', 'web', PERSON],
  'a person without a scope': ['AccessToken', 'web', { ...PERSON, scope: undefined }],
  'a person known by a pairwise subject': ['AccessToken', 'pairwise', PERSON],
  'a person with a DPoP key': ['AccessToken', 'web', { ...PERSON, jkt: 'a-thumbprint' }],
  'a person with a certificate': ['AccessToken', 'web', { ...PERSON, 'x5t#S256': 'a-thumbprint' }],
  'a machine': ['ClientCredentials', 'web', { scope: 'orders:read' }],
}

let jwks: PrivateJwk[]
beforeAll(async () => {
  jwks = await Promise.all(ALGORITHMS.map(generatePrivateJwk))
})

describe.each(Object.keys(TOKENS))('the token of %s', (name) => {
  it('says what the engine would say (RFC 9068 section 2)', async () => {
    const theirs = await made(theEngine(), name)
    const ours = await made(withOurTokens(theEngine()), name)

    expect(decodeProtectedHeader(ours)).toEqual(decodeProtectedHeader(theirs))
    expect(timeless(decodeJwt(ours))).toEqual(timeless(decodeJwt(theirs)))
    expect(decodeJwt(ours).exp).toBe(Number(decodeJwt(ours).iat) + 300)
  })
})

describe('the signature', () => {
  it.each(ALGORITHMS)('by %s verifies with the key that the header names', async (alg) => {
    const token = await made(withOurTokens(theEngine()), 'a person', { alg })

    const { protectedHeader } = await jwtVerify(token, createLocalJWKSet({ keys: jwks.map(publicPart) }))

    expect(protectedHeader).toEqual({ alg, typ: 'at+jwt', kid: jwks.find((jwk) => jwk.alg === alg)?.kid })
  })

  it('by ES256 has 64 bytes, also where r or s is a small number (RFC 7518 section 3.4)', async () => {
    const provider = withOurTokens(theEngine())
    const keys = createLocalJWKSet({ keys: jwks.map(publicPart) })
    // One number in 512 is shorter in DER, where a number whose first bit is set has a zero before it. So it takes some
    // hundreds of tokens until r was and s was. Each of them must verify.
    const small = { r: 0, s: 0 }
    for (let left = 10_000; left > 0 && Math.min(small.r, small.s) === 0; left--) {
      const token = await made(provider, 'a machine', { alg: 'ES256' })
      await jwtVerify(token, keys)
      const signature = Buffer.from(String(token.split('.')[2]), 'base64url')
      expect(signature).toHaveLength(64)
      if (isShort(signature)) small.r += 1
      if (isShort(signature.subarray(32))) small.s += 1
    }
    expect(Math.min(small.r, small.s)).toBeGreaterThan(0)
  })

  it('by HS256 is made with the secret of the API, and names no key', async () => {
    const sign = { alg: 'HS256', key: SECRET } as const
    const token = await made(withOurTokens(theEngine()), 'a person', sign)

    expect((await jwtVerify(token, SECRET)).protectedHeader).toEqual({ alg: 'HS256', typ: 'at+jwt' })
    expect(decodeProtectedHeader(await made(theEngine(), 'a person', sign))).toEqual({ alg: 'HS256', typ: 'at+jwt' })
  })
})

function isShort([first, second = 0]: Buffer): boolean {
  return first === 0 && second < 0x80
}

function theEngine(): Provider {
  const client = { redirect_uris: ['https://web.example/callback'], client_secret: 'not a secret' }
  return new Provider(ISSUER, {
    adapter: createMapAdapters(),
    jwks: { keys: jwks.map((jwk) => ({ ...jwk })) },
    clients: [
      { ...client, client_id: 'web' },
      { ...client, client_id: 'pairwise', subject_type: 'pairwise' },
    ],
    features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true } },
    ...subjects(SALT),
  } as Configuration)
}

function withOurTokens(provider: Provider): Provider {
  const signer = createJwsSigner(jwks, undefined)
  jwtAccessTokens.apply(provider, { issuer: ISSUER, clock: systemClock, signer, ...SALT })
  return provider
}

type Sign = { readonly alg: string; readonly key?: KeyObject }

async function made(provider: Provider, name: string, sign: Sign = { alg: 'ES256' }): Promise<string> {
  const [model, clientId, properties] = TOKENS[name] as (typeof TOKENS)[string]
  const client = (await provider.Client.find(clientId)) as Client
  const resourceServer = { audience: API, accessTokenFormat: 'jwt', jwt: { sign } }
  const token = new (provider[model] as unknown as new (from: object) => object)({
    ...{ ...properties, client, resourceServer, format: 'jwt', expiresIn: 300 },
  })
  Object.assign(token, { format: 'jwt', jti: 'the-token' })
  const { value } = await (token as { getValueAndPayload(): Promise<{ value: string }> }).getValueAndPayload()
  return value
}

/** The two may be made on either side of a second. */
function timeless({ iat: _issued, exp: _ends, ...claims }: Readonly<Record<string, unknown>>): object {
  return claims
}

function publicPart({ kty, kid, alg, use, n, e, crv, x, y, pub }: JWK & { pub?: string }): JWK {
  return { kty, kid, alg, use, n, e, crv, x, y, pub } as JWK
}
