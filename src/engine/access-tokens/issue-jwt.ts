/**
 * JWT access tokens (RFC 9068), made here where the engine would make them.
 *
 * The engine says what a token is for and how long it lives; what it says and who signs it is ours. Its own way would
 * copy every property twice and sign small curves in the thread pool. test/engine/jwt-access-tokens.test.ts holds the
 * two ways to the same tokens.
 */

import { createHmac, type KeyObject } from 'node:crypto'
import type { Client } from 'oidc-provider'

import { sessionClaim } from '../../grants/session-claim.ts'
import { type Clock, epochSeconds } from '../../base/clock.ts'
import { compactJws, type JwsSigner } from '../../keyring/jws-signer.ts'
import type { KeyAlgorithm } from '../../keyring/signing-key.ts'
import { subjectOf } from '../configuration/subject-identifiers.ts'
import { answering } from '../request/errors.ts'
import { requestScope } from '../request/scope.ts'

/** How an API wants its tokens signed: with a key of the ring, or with the secret that it shares. */
export type Signing = { readonly typ?: 'at+jwt' | 'JWT' } & (
  | { readonly alg: KeyAlgorithm }
  | { readonly alg: 'HS256'; readonly key: KeyObject }
)

export interface IssueParts {
  readonly issuer: string
  readonly signer: JwsSigner
  readonly pairwiseSalt: string
  readonly clock: Clock
}

/** An access token of the engine that was not issued yet, a person's or a machine's. */
export interface EngineToken {
  readonly format?: string
  readonly jti: string
  readonly clientId: string
  readonly client?: Client
  readonly accountId?: string
  readonly aud?: string | readonly string[]
  readonly scope?: string
  /** Seconds. */
  readonly expiration: number
  readonly jkt?: string
  readonly 'x5t#S256'?: string
  readonly grantId?: string
  readonly sessionUid?: string
  readonly expiresWithSession?: boolean
  readonly resourceServer?: { readonly jwt?: { readonly sign?: Signing } }
}

export async function issueJwt(
  token: EngineToken,
  { issuer, signer, pairwiseSalt, clock }: IssueParts,
): Promise<string> {
  const signing = token.resourceServer?.jwt?.sign
  if (signing === undefined || token.aud === undefined) throw new TypeError('a JWT for no API')
  const issuedAt = epochSeconds(clock)
  const sub = subjectIn(token, pairwiseSalt)
  // RFC 9068 section 2.2. A member that is undefined is left out.
  const claims = {
    jti: token.jti,
    sub,
    iat: issuedAt,
    exp: issuedAt + token.expiration,
    scope: token.scope || undefined,
    client_id: token.clientId,
    iss: issuer,
    aud: token.aud,
    cnf: confirmation(token),
    ...signIn(),
    // The names by which a revocation may end it, other than its own: the grant, and the session that the grant ends
    // with.
    gid: token.grantId,
    sid: sessionIn(token, sub),
  }
  const { typ = 'at+jwt' } = signing
  if (signing.alg !== 'HS256') return answering(() => signer.sign(signing.alg, typ, claims))
  return compactJws({ alg: 'HS256', typ }, claims, (input) => createHmac('sha256', signing.key).update(input).digest())
}

function sessionIn({ accountId, expiresWithSession, sessionUid }: EngineToken, sub: string): string | undefined {
  if (expiresWithSession !== true || sessionUid === undefined || accountId === undefined) return undefined
  return sessionClaim(sessionUid, { accountId, sub })
}

/** A machine acts for itself (RFC 9068 section 2.2). */
function subjectIn({ accountId, clientId, client }: EngineToken, pairwiseSalt: string): string {
  if (accountId === undefined) return clientId
  if (client?.clientId !== clientId) throw new TypeError('a token of another client')
  return subjectOf(accountId, client, pairwiseSalt)
}

/** RFC 9449 section 6.1, RFC 8705 section 3.1. */
function confirmation({ jkt, 'x5t#S256': thumbprint }: EngineToken): object | undefined {
  return jkt === undefined && thumbprint === undefined ? undefined : { 'x5t#S256': thumbprint, jkt }
}

/**
 * When and how the person signed in, for APIs that require a recent or a strong sign-in (RFC 9470). The values are
 * those of the authorization that the token comes from, however often it was refreshed (RFC 9068 section 2.2.1).
 */
function signIn(): object {
  const { source } = requestScope()
  return { auth_time: source?.authTime, acr: source?.acr, amr: source?.amr }
}
