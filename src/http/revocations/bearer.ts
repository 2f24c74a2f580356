/** Who may read the revocations: a client with a token of ours, for ourselves, with the scope. */

import type { IncomingMessage } from 'node:http'

import type { CurrentEngine } from '../../provider/current.ts'
import { bearerToken } from '../../resource/request.ts'
import { ScopeInsufficient, TokenInvalid, TokenMissing } from '../../resource/refusals.ts'

export const SCOPES = ['revocations:read']

export interface Bearer {
  readonly clientId: string
  /** Whether the token still opens this door: it ends, and so can what it stands for. */
  isGood(): Promise<boolean>
}

/** Throws the `Refusal` to answer with. */
export async function authenticate(
  req: IncomingMessage,
  { issuer, current }: { issuer: string; current: CurrentEngine },
): Promise<Bearer> {
  const token = bearerToken(req)
  if (token === undefined) throw new TokenMissing()
  const claims = await current.engine().accessTokens.verify(token)
  if (claims === undefined) throw new TokenInvalid('The access token is not good, or not good any more.')
  if (claims.aud !== issuer) throw new TokenInvalid('The access token was issued for another API.')
  if (claims.cnf !== undefined) throw new TokenInvalid('The access token is bound to a key; send a plain bearer token.')
  if (!SCOPES.every((scope) => claims.scope?.split(' ').includes(scope))) throw new ScopeInsufficient(SCOPES)
  return {
    clientId: claims.client_id,
    // Each time by the engine in use: a key that was taken out ends what it signed.
    isGood: async () => (await current.engine().accessTokens.verify(token)) !== undefined,
  }
}
