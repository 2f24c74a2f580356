/**
 * Ending a grant when the engine says so.
 *
 * The engine asks each of its models to forget the grant's tokens, and then to destroy the grant, in one turn. All of
 * it is one step of the store, so the first call waits for the turn to end and does it for all.
 */

import { Provider } from 'oidc-provider'

import type { EndReason, Revocation } from '../../access/revoke.ts'
import { requestScope } from '../request-scope.ts'

export function endOnce(revocation: Revocation, grantId: string, { withGrant }: { withGrant: boolean }): Promise<void> {
  const { ending } = requestScope()
  const begun = ending.get(grantId)
  if (begun !== undefined) {
    begun.withGrant ||= withGrant
    return begun.done
  }
  const { reason, clientId } = currentReason()
  const ends = { withGrant, done: Promise.resolve().then(end) }
  ending.set(grantId, ends)
  return ends.done

  async function end(): Promise<void> {
    ending.delete(grantId)
    if (ends.withGrant) await revocation.endGrant(grantId, reason, { clientId })
    else await revocation.endTokens(grantId)
  }
}

function currentReason(): { reason: EndReason; clientId: string | undefined } {
  const oidc = Provider.ctx?.oidc
  const clientId = oidc?.client?.clientId
  if (oidc?.route === 'revocation') return { reason: 'revoked_by_client', clientId }
  if (oidc?.route === 'end_session_confirm') return { reason: 'logout', clientId }
  const reused = oidc?.params?.grant_type === 'refresh_token' ? 'refresh_token_reused' : 'authorization_code_reused'
  return { reason: reused, clientId }
}
