import { describe, expect, it } from 'vitest'

import {
  createVerifier,
  expressBearer,
  fastifyBearer,
  koaBearer,
  nodeBearer,
  type VerifierOptions,
} from '../../src/resource/index.ts'

const good: VerifierOptions = { issuer: 'https://login.example', audience: 'https://orders.example' }

describe('createVerifier', () => {
  it('has no option that turns off the signature or the expiry', () => {
    const wishes = [
      'ignoreExpiration',
      'complete',
      'verify',
      'verifySignature',
      'skipExpiry',
      'maxTokenAge',
      'typ',
      'jwks',
      'key',
    ]

    for (const wish of wishes) {
      expect(() => createVerifier({ ...good, [wish]: true } as VerifierOptions), wish).toThrow(TypeError)
    }
  })

  it.each([
    ['http off this machine', { issuer: 'http://login.example' }],
    ['an issuer with a query', { issuer: 'https://login.example?x=1' }],
    ['an issuer with a fragment', { issuer: 'https://login.example#x' }],
    ['no issuer', { issuer: undefined }],
    ['no URL', { issuer: 'login.example' }],
    ['no audience', { audience: '' }],
    ['a tolerance above a minute', { clockToleranceSeconds: 61 }],
    ['a negative tolerance', { clockToleranceSeconds: -1 }],
    ['a tolerance that is no number', { clockToleranceSeconds: Number.NaN }],
    ['a tolerance in text', { clockToleranceSeconds: '5' }],
    ['endless tolerance', { clockToleranceSeconds: Number.POSITIVE_INFINITY }],
    ['no algorithm', { algorithms: [] }],
    ['alg none', { algorithms: ['none'] }],
    ['HS256 without a secret', { algorithms: ['HS256'] }],
    ['HS256 beside RS256', { algorithms: ['RS256', 'HS256'] }],
    ['a secret beside RS256', { algorithms: ['RS256'], secret: new Uint8Array(32) }],
    ['a secret of 31 bytes', { secret: new Uint8Array(31) }],
    ['a secret in text', { secret: 'x'.repeat(40) }],
  ])('refuses %s with a TypeError', (_name, wrong) => {
    expect(() => createVerifier({ ...good, ...wrong } as VerifierOptions)).toThrow(TypeError)
  })

  it.each([
    ['the plain minimum', {}],
    ['localhost without TLS', { issuer: 'http://localhost:3000' }],
    ['a path in the issuer', { issuer: 'https://login.example/tenant' }],
    ['a minute of tolerance', { clockToleranceSeconds: 60 }],
    ['one algorithm', { algorithms: ['ES256'] }],
    ['a secret', { secret: new Uint8Array(32), algorithms: ['HS256'] }],
  ])('takes %s', (_name, right) => {
    expect(createVerifier({ ...good, ...right } as VerifierOptions)).toMatchObject({ audience: good.audience })
  })
})

describe('a middleware', () => {
  it.each([koaBearer, expressBearer, fastifyBearer, nodeBearer])(
    'refuses scopes that no token could carry: %o',
    (bearer) => {
      const verifier = createVerifier(good)

      for (const scopes of [['a b'], [''], ['a"'], ['é'], 'orders:read', [1]]) {
        expect(() => bearer(verifier, { scopes: scopes as string[] })).toThrow(TypeError)
      }
    },
  )
})
