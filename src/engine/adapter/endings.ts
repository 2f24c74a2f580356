/**
 * Ends access when the engine asks for it.
 *
 * In one turn of the event loop the engine asks each of its models to remove the grant's tokens, and then to destroy
 * the grant. All of this is one ending. So the first call waits for the end of the turn and does the whole work.
 */

import { Provider } from 'oidc-provider'

import type { EndReason } from '../../revocation/end-reasons.ts'
import { requestScope } from '../request/scope.ts'
import type { AdapterParts } from './parts.ts'

interface Why {
  readonly reason: EndReason
  readonly clientId: string | undefined
}

type Parts = Pick<AdapterParts, 'revocation' | 'audit'>

export function endOnce({ revocation, audit }: Parts, grantId: string, why?: Why): Promise<void> {
  // The session's own ending takes its grants along, with one entry for all of them.
  if (isLogout()) return Promise.resolve()
  const { ending } = requestScope()
  const begun = ending.get(grantId)
  if (begun !== undefined) return begun
  const { reason, clientId } = why ?? currentReason()
  if (reason === 'refresh_token_reused') audit.record('refresh_token.reused', { grantId })
  if (reason === 'authorization_code_reused') audit.record('authorization_code.reused', { grantId })
  const done = Promise.resolve().then(() => revocation.endGrant(grantId, reason, { clientId }))
  ending.set(grantId, done)
  return done
}

/** Whether the whole session is about to end, and not one application's part in it. */
function isLogout(): boolean {
  const oidc = Provider.ctx?.oidc
  return oidc?.route === 'end_session_confirm' && Boolean(oidc.params?.logout)
}

function currentReason(): Why {
  const oidc = Provider.ctx?.oidc
  const clientId = oidc?.client?.clientId
  if (oidc?.route === 'revocation') return { reason: 'refresh_token_revoked', clientId }
  if (oidc?.route === 'end_session_confirm') return { reason: 'logout', clientId }
  const reused = oidc?.params?.grant_type === 'refresh_token' ? 'refresh_token_reused' : 'authorization_code_reused'
  return { reason: reused, clientId }
}
