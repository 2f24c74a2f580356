/**
 * How an API says who it is when it asks the issuer: as one of its confidential clients, by secret (RFC 6749 section
 * 2.3.1) or by private key (RFC 7523 section 2.2).
 */

import { randomUUID } from 'node:crypto'

import { type CryptoKey, importJWK, type JWK, SignJWT } from 'jose'

/** A client of the issuer, and what proves it. */
export type ClientAccess =
  | { readonly clientId: string; readonly clientSecret: string }
  /** A private key as JWK, with its `alg` where the kind of key leaves a choice. */
  | { readonly clientId: string; readonly clientKey: JWK }

/** Adds to the form, and gives as headers, what authenticates the client in one request. */
export type AuthenticateClient = (form: URLSearchParams) => Promise<Readonly<Record<string, string>>>

export interface ClientAccessParts {
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** An assertion is used at once; the time is for clocks that differ. */
const ASSERTION_SECONDS = 60
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export function createClientAccess(access: ClientAccess, { issuer, clock }: ClientAccessParts): AuthenticateClient {
  if ('clientSecret' in access) {
    const headers = { authorization: basic(access.clientId, access.clientSecret) }
    return async () => headers
  }
  const { clientId, clientKey } = access
  const alg = algorithmOf(clientKey) ?? ''
  let imported: Promise<CryptoKey | Uint8Array> | undefined

  return async function authenticate(form) {
    imported ??= importJWK(clientKey, alg)
    const issuedAt = Math.floor(clock() / 1000)
    const header = clientKey.kid === undefined ? { alg } : { alg, kid: clientKey.kid }
    // For the issuer alone: an assertion for an endpoint's address could be meant for another server's.
    const assertion = new SignJWT({ iss: clientId, sub: clientId, aud: issuer, jti: randomUUID() })
      .setProtectedHeader(header)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + ASSERTION_SECONDS)
    form.set('client_id', clientId)
    form.set('client_assertion_type', ASSERTION_TYPE)
    form.set('client_assertion', await assertion.sign(await imported))
    return {}
  }
}

/** Throws a `TypeError` that says what is wrong, without what is secret. */
export function checkClientAccess(access: object, of: string): void {
  const { clientId, clientSecret, clientKey } = access as Partial<Record<string, unknown>>
  if (typeof clientId !== 'string' || clientId === '') throw new TypeError(`${of} needs a clientId`)
  if ((clientSecret === undefined) === (clientKey === undefined)) {
    throw new TypeError(`${of} needs either a clientSecret or a clientKey`)
  }
  if (clientSecret !== undefined && (typeof clientSecret !== 'string' || clientSecret === '')) {
    throw new TypeError(`the clientSecret of ${of} must be a text`)
  }
  if (clientKey === undefined) return
  const { d } = (typeof clientKey === 'object' ? (clientKey ?? {}) : {}) as JWK
  if (typeof d !== 'string') throw new TypeError(`the clientKey of ${of} must be a private key as JWK`)
  if (algorithmOf(clientKey as JWK) === undefined) throw new TypeError(`the clientKey of ${of} needs its alg`)
}

const CURVES: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
}

function algorithmOf({ alg, crv }: JWK): string | undefined {
  return alg ?? CURVES[crv ?? '']
}

/** Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1). */
function basic(clientId: string, secret: string): string {
  const [id, password] = [clientId, secret].map((text) => new URLSearchParams({ '': text }).toString().slice(1))
  return `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`
}
