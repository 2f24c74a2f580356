/** Finding the token and its proof in a request of node:http, or of what looks like one. */

import type { IncomingMessage } from 'node:http'

import { DpopProofInvalid, TokenInvalid, TokenMisplaced } from './refusals.ts'

export type Scheme = 'Bearer' | 'DPoP'

/** The parsed Authorization header. With another scheme than Bearer or DPoP there is no token. */
export interface Authorization {
  readonly scheme: Scheme | undefined
  readonly token: string | undefined
}

/**
 * The token of a request, from the Authorization header only (RFC 6750 section 2.1). The form body is never read; a
 * token in the query or a second header is refused.
 *
 * Gives `undefined` when there is none, or when another scheme is used. Throws `TokenMisplaced`, and `TokenInvalid`
 * when the text after `Bearer` cannot be a token.
 *
 * ```ts
 * const claims = await verifier.verify(bearerToken(request))
 * ```
 */
export function bearerToken(request: IncomingMessage): string | undefined {
  const { scheme, token } = readAuthorization(request)
  return scheme === 'Bearer' ? token : undefined
}

/** The same for either scheme (RFC 9449 section 7.1). */
export function readAuthorization(request: IncomingMessage): Authorization {
  const url = request.url ?? ''
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : ''
  const sent = valuesOf(request, 'authorization')
  if (sent.length > 1 || (query !== '' && new URLSearchParams(query).has('access_token'))) throw new TokenMisplaced()
  // The scheme in any case (RFC 9110 section 11.1), the token as RFC 6750 section 2.1 spells it.
  const [, name = '', credentials = ''] = /^(bearer|dpop)(?: +(.*))?$/i.exec(sent[0]?.trim() ?? '') ?? []
  if (name === '') return { scheme: undefined, token: undefined }
  const scheme = name.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer'
  if (credentials === '') return { scheme, token: undefined }
  if (!/^[\w.~+/-]+=*$/.test(credentials)) throw new TokenInvalid('The access token is malformed.')
  return { scheme, token: credentials }
}

/** Which of the two schemes a request uses, whatever else is wrong with it. */
export function schemeOf(request: IncomingMessage): Scheme | undefined {
  const [, name] = /^(bearer|dpop)(?: |$)/i.exec(valuesOf(request, 'authorization')[0]?.trim() ?? '') ?? []
  if (name === undefined) return undefined
  return name.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer'
}

/** The one proof of a request (RFC 9449 section 4.3, check 1). Throws `DpopProofInvalid`. */
export function proofOf(request: IncomingMessage): string {
  const [proof, ...others] = valuesOf(request, 'dpop')
  if (proof === undefined || others.length > 0) throw new DpopProofInvalid({ detail: `${others.length + 1} proofs` })
  return proof
}

/** Each line of a header by itself. Made-up requests (of test kits, of HTTP/2) do not know `headersDistinct`. */
function valuesOf(request: IncomingMessage, name: string): readonly string[] {
  const distinct = request.headersDistinct as IncomingMessage['headersDistinct'] | undefined
  if (distinct !== undefined) return distinct[name] ?? []
  const { rawHeaders } = request
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
}
