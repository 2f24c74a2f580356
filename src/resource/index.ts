/**
 * `grantor/resource`: what an API installs to accept the server's JWT access tokens (RFC 9068).
 *
 * ```ts
 * import { createVerifier, koaBearer } from 'grantor/resource'
 *
 * const verifier = createVerifier({ issuer: 'https://login.example', audience: 'https://orders.example' })
 * app.use(koaBearer(verifier, { scopes: ['orders:read'] }))
 * ```
 *
 * It knows nothing of the server but its issuer, imports nothing but jose and node, and shares no store with anybody.
 */

export type { Claims } from './claims.ts'
export { type BearerRequest, type ExpressBearer, expressBearer } from './express.ts'
export { type Answer, answerTo, type BearerOptions, bearerToken } from './guard.ts'
export type { IntrospectionOptions } from './introspection.ts'
export { type BearerContext, type BearerState, type KoaBearer, koaBearer } from './koa.ts'
export { type NodeBearer, nodeBearer } from './node.ts'
export {
  type BearerError,
  Refusal,
  type RefusalCode,
  type RefusalOptions,
  ScopeInsufficient,
  TokenExpired,
  TokenInvalid,
  TokenMisplaced,
  TokenMissing,
  VerifierUnavailable,
} from './refusals.ts'
export type { RevocationOptions } from './revocation-feed.ts'
export { type Algorithm, createVerifier, type Verifier, type VerifierOptions, type VerifyOptions } from './verifier.ts'
