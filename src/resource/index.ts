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
 * It knows only the issuer of the server, imports only jose and node, and shares no store with the server.
 */

export { type Answer, answerTo, type ChallengeOptions } from './middleware/challenge.ts'
export type { Claims } from './token/claims.ts'
export type { DpopNonceOptions } from './sender/dpop-nonces.ts'
export { type BearerRequest, type ExpressBearer, expressBearer } from './middleware/express.ts'
export { type FastifyBearer, type FastifyBearerRequest, fastifyBearer } from './middleware/fastify.ts'
export { type BearerOptions, createGuard, type Guard, type Outcome } from './middleware/guard.ts'
export type { IntrospectionOptions } from './issuer/introspection.ts'
export { type BearerContext, type BearerState, type KoaBearer, koaBearer } from './middleware/koa.ts'
export { type NodeBearer, nodeBearer } from './middleware/node.ts'
export type { Algorithm, VerifierOptions } from './options.ts'
export type { OutcomeEvent } from './outcomes.ts'
export {
  type ProtectedResource,
  type ProtectedResourceOptions,
  protectedResource,
} from './middleware/protected-resource.ts'
export {
  AuthenticationInsufficient,
  type BearerError,
  DpopNonceNeeded,
  DpopProofInvalid,
  Refusal,
  type RefusalCode,
  type RefusalOptions,
  ScopeInsufficient,
  TokenExpired,
  TokenInvalid,
  TokenMisplaced,
  TokenMissing,
  TokenRevoked,
  VerifierUnavailable,
} from './refusals.ts'
export { bearerToken } from './request.ts'
export type { Requirements } from './requirements.ts'
export type { RevocationOptions } from './revocations/revocation-feed.ts'
export type { DpopOptions, DpopSent } from './sender/sender.ts'
export { createVerifier, type RequestOptions, type Verifier, type VerifyOptions } from './verifier.ts'
