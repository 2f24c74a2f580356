/**
 * The access token that opens the revocation feed: asked for by client credentials (RFC 6749 section 4.4), kept until
 * shortly before it expires.
 */

import { type AuthenticateClient, type ClientAccess, createClientAccess } from '../issuer/client-access.ts'
import { addressIn, type Fetch, fetchJson, findMetadata } from '../issuer/metadata.ts'
import { VerifierUnavailable } from '../refusals.ts'
import { inTime, isWithin } from '../time.ts'

/** A client that may read the feed, or a function that gets a token for it by other means. */
export type FeedAccess = ClientAccess | { readonly token: () => Promise<string> }

export interface FeedToken {
  /** A token that is valid for a while longer. Throws `VerifierUnavailable`. */
  get(): Promise<string>
  /** The server did not take it: the next one is a new one. */
  forget(): void
}

export interface FeedTokenParts {
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly fetch: Fetch
}

const SCOPE = 'revocations:read'
/** Before its end a token is replaced; one with a short life after half of it. */
const SPARE_SECONDS = 30
/** When an answer does not say (RFC 6749 section 5.1 recommends that it does). */
const UNSAID_SECONDS = 60
const FUNCTION_TIMEOUT_MS = 2500

export function createFeedToken(access: FeedAccess, parts: FeedTokenParts): FeedToken {
  if ('token' in access) return { get: () => fromFunction(access.token), forget: () => undefined }
  const authenticate = createClientAccess(access, parts)
  let kept: Kept | undefined

  return {
    async get() {
      if (kept === undefined || !isWithin(kept.sinceMs, kept.spanMs, parts.clock())) {
        kept = await ask(authenticate, parts)
      }
      return kept.token
    },

    forget() {
      kept = undefined
    },
  }
}

interface Kept {
  readonly token: string
  readonly sinceMs: number
  readonly spanMs: number
}

async function ask(authenticate: AuthenticateClient, { issuer, clock, fetch }: FeedTokenParts): Promise<Kept> {
  const address = addressIn(await findMetadata(issuer, fetch), 'token_endpoint')
  const sinceMs = clock()
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE, resource: issuer })
  const headers = await authenticate(form)
  const { body } = await fetchJson(address, fetch, headers, form)
  const { access_token: token, token_type: type, expires_in: expiresIn = UNSAID_SECONDS } = body
  // A token that is bound to a key would need proofs; without them it is worth nothing.
  if (!isToken(token) || String(type).toLowerCase() !== 'bearer') {
    throw new VerifierUnavailable({ detail: `${address} did not issue a bearer token for the revocation feed` })
  }
  const seconds = typeof expiresIn === 'number' && expiresIn > 0 ? expiresIn : UNSAID_SECONDS
  return { token, sinceMs, spanMs: Math.max(seconds - SPARE_SECONDS, seconds / 2) * 1000 }
}

async function fromFunction(token: () => Promise<string>): Promise<string> {
  try {
    const given: unknown = await inTime(FUNCTION_TIMEOUT_MS, token(), () => new Error('took too long'))
    if (!isToken(given)) throw new Error('gave no access token')
    return given
  } catch (cause) {
    throw new VerifierUnavailable({ detail: `the token function of the feed: ${(cause as Error).message}`, cause })
  }
}

/** RFC 6750 section 2.1. Anything else would be refused as a header, by an error that quotes it. */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\w\-.~+/]+=*$/.test(value)
}
