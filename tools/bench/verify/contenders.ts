/** Who verifies: each as its documentation says, told the same issuer, audience and algorithm, and nothing that weakens it. */

import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier as createFastVerifier } from 'fast-jwt'
import { exportJWK, importJWK, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'

import { createVerifier, type VerifierOptions } from '../../../src/resource/index.ts'
import type { SigningKey, StrangeIssuer } from '../../../test/resource/issuer.ts'
import { AUDIENCE } from '../../../test/resource/issuer.ts'

export type Alg = 'RS256' | 'ES256' | 'EdDSA'

export interface Contender {
  readonly name: string
  /** Of tokens that it sees for the first time, or again. */
  readonly sight: 'first' | 'again'
  /** Resolves, or returns, when the token is good; throws otherwise. */
  readonly verify: (token: string) => unknown
  readonly close?: () => Promise<void>
}

/** What `name` calls ours; the ratio is against `BASELINE`. */
export const OURS = 'grantor/resource'
export const BASELINE = 'jose.jwtVerify'

/** The requirements on a valid token, for every contender that can check them. */
const SCOPES = ['orders:read']

export async function contendersFor(alg: Alg, key: SigningKey, at: StrangeIssuer): Promise<Contender[]> {
  const first: Contender[] = [
    { name: OURS, sight: 'first', ...(await ours(alg, at, FORGETFUL)) },
    { name: BASELINE, sight: 'first', verify: await jose(alg, key, at) },
    { name: 'fast-jwt', sight: 'first', verify: fast(alg, key, at, false) },
    ...(alg === 'EdDSA' ? [] : [{ name: 'jsonwebtoken', sight: 'first' as const, verify: classic(alg, key, at) }]),
    { name: 'express-oauth2-jwt-bearer', sight: 'first', verify: express(alg, at) },
  ]
  const again: Contender[] = [
    { name: OURS, sight: 'again', ...(await ours(alg, at, {})) },
    { name: `${OURS} + revocations`, sight: 'again', ...(await ours(alg, at, FOLLOWING)) },
    { name: 'fast-jwt (cache)', sight: 'again', verify: fast(alg, key, at, true) },
  ]
  return [...first, ...again]
}

/** It remembers, but never long enough to see a token again: remembering is part of the cost of a first sight. */
const FORGETFUL = { rememberTokens: 100 }
const FOLLOWING = { revocations: { token: async () => 'of-the-bench' } }

async function ours(alg: Alg, { issuer }: StrangeIssuer, options: Partial<VerifierOptions>) {
  const verifier = createVerifier({ issuer, audience: AUDIENCE, algorithms: [alg], ...options })
  await verifier.prepare()
  return { verify: (token: string) => verifier.verify(token, { scopes: SCOPES }), close: () => verifier.close() }
}

async function jose(alg: Alg, key: SigningKey, { issuer }: StrangeIssuer) {
  const publicKey = await importJWK(await exportJWK(key.publicKey), alg)
  return (token: string) =>
    jwtVerify(token, publicKey, { issuer, audience: AUDIENCE, algorithms: [alg], typ: 'at+jwt' })
}

function pemOf({ publicKey }: SigningKey): string {
  return publicKey.export({ type: 'spki', format: 'pem' }) as string
}

function fast(alg: Alg, key: SigningKey, { issuer }: StrangeIssuer, cache: boolean) {
  const options = { key: pemOf(key), algorithms: [alg], allowedIss: issuer, allowedAud: AUDIENCE, cache }
  return createFastVerifier(options) as (token: string) => unknown
}

function classic(alg: 'RS256' | 'ES256', key: SigningKey, { issuer }: StrangeIssuer) {
  const pem = pemOf(key)
  return (token: string) => jsonwebtoken.verify(token, pem, { algorithms: [alg], issuer, audience: AUDIENCE })
}

function express(alg: Alg, { issuer, says }: StrangeIssuer) {
  const options = { issuer, jwksUri: says.jwksUri, audience: AUDIENCE, tokenSigningAlg: alg, strict: true }
  const handler = auth(options) as unknown as (request: object, response: object, next: Next) => void
  return (token: string) =>
    new Promise<void>((resolve, reject) => {
      const headers: Record<string, string> = { host: 'orders.example', authorization: `Bearer ${token}` }
      // As much of an Express request as it looks at: making a real one would not be its own cost.
      const get = (name: string) => headers[name.toLowerCase()]
      const request = { method: 'GET', protocol: 'https', url: '/', headers, get, query: {}, is: () => false }
      handler(request, {}, (error) => (error === undefined ? resolve() : reject(error as Error)))
    })
}

type Next = (error?: unknown) => void
