/**
 * Authenticates readers of revocations: a client with an access token of this server, for this server, with the scope.
 */

import type { IncomingMessage } from 'node:http'

import type { Clock } from '../../base/clock.ts'
import { CLOCK_TOLERANCE_SECONDS, type CurrentEngine } from '../../engine/port.ts'
import { ScopeInsufficient, TokenInvalid, TokenMissing } from '../../resource/refusals.ts'
import { proofOf, readAuthorization } from '../../resource/request.ts'
import { certificateOf, checkSender, createProofChecker } from '../../resource/sender/sender.ts'
import { keys } from '../../store/keys.ts'
import type { Store } from '../../store/store.ts'

export const SCOPES = ['revocations:read']

export interface Bearer {
  readonly clientId: string
  /** Whether the token is still accepted: it expires, and its grant can end. */
  isGood(): Promise<boolean>
}

export interface FeedAuthenticator {
  /** For the challenge of a refusal. */
  readonly dpopAlgorithms: readonly string[]
  /** Throws the `Refusal` to answer with. */
  authenticate(req: IncomingMessage): Promise<Bearer>
}

export interface FeedAuthenticatorParts {
  readonly issuer: string
  readonly current: CurrentEngine
  readonly store: Pick<Store, 'put'>
  readonly clock: Clock
}

export function createFeedAuthenticator({ issuer, current, store, clock }: FeedAuthenticatorParts): FeedAuthenticator {
  const proofs = createProofChecker(
    {
      publicUrl: issuer,
      replay: async (name, ttlSeconds) =>
        (await store.put(keys.hashed('feed-proof', name), '', { ttlSeconds, ifAbsent: true })) === 'stored',
    },
    { clock, toleranceSeconds: CLOCK_TOLERANCE_SECONDS },
  )

  return {
    dpopAlgorithms: proofs.algorithms,

    async authenticate(req) {
      const { scheme, token } = readAuthorization(req)
      if (token === undefined) throw new TokenMissing()
      const claims = await current.engine().accessTokens.verify(token, 'own_api')
      if (claims === undefined) throw new TokenInvalid('The access token is not good, or not good any more.')
      const { jkt, 'x5t#S256': x5t } = claims.cnf ?? {}
      const dpop = scheme === 'DPoP' ? { proof: proofOf(req), ...proofs.addressed(req) } : undefined
      const sender = { dpop, certificate: () => certificateOf(req) }
      await checkSender({ token, confirmation: { jkt, x5t }, sender, mode: 'allowed', proofs })
      if (!SCOPES.every((scope) => claims.scope?.split(' ').includes(scope))) throw new ScopeInsufficient(SCOPES)
      return {
        clientId: claims.client_id,
        // Each time by the engine in use: a key that was taken out ends what it signed.
        isGood: async () => (await current.engine().accessTokens.verify(token, 'own_api')) !== undefined,
      }
    },
  }
}
