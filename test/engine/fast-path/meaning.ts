/** What the tokens of an answer mean: what they say or what is stored of them, but for names and times. */

import { decodeJwt, decodeProtectedHeader } from 'jose'

import type { Running } from '../../support/start.ts'
import type { Answer } from './both-ways.ts'
import { recordOf } from './records.ts'

interface Timed {
  readonly jti?: string
  readonly iat?: number
  readonly exp?: number
  readonly iiat?: number
  /** Of the access token. */
  readonly at_hash?: string
  /** Sealed anew with each token. */
  readonly sealedNonce?: string
}

/** By the answer's members, for each that is a token. */
export async function meaning(app: Running, { body }: Answer): Promise<Record<string, object | undefined>> {
  const tokens = Object.entries(JSON.parse(body) as Record<string, string>).filter(([name]) => name.endsWith('_token'))
  const meanings = tokens.map(async ([name, token]) => [name, await meaningOf(token)] as const)
  return Object.fromEntries(await Promise.all(meanings))

  async function meaningOf(token: string): Promise<object | undefined> {
    if (token.includes('.')) return { header: decodeProtectedHeader(token), ...timeless(decodeJwt(token)) }
    const entry = await recordOf(app, token)
    if (entry === undefined) return undefined
    return { ...timeless(JSON.parse(entry.value) as Timed), isConsumed: entry.consumed !== undefined }
  }
}

function timeless({ jti: _name, iat = 0, exp = 0, iiat: _began, sealedNonce, at_hash, ...rest }: Timed): object {
  return { ...rest, seconds: exp - iat, hasNonce: sealedNonce !== undefined, hasHash: at_hash !== undefined }
}
