/** Which token an operator means, from the token itself; it is never an argument, which a shell would remember. */

import { grantIdIn, handleKey, modelOf } from '../../engine/port.ts'
import { keys } from '../../store/keys.ts'
import type { Domain } from '../domain.ts'
import { Refused } from '../terminal/refused.ts'
import { verifyOwn } from '../token/own-token.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface Found {
  readonly what: string
  readonly end: () => Promise<void>
}

/** Throws `Refused` when it is not a live token of this server. */
export async function findToken(domain: Domain, terminal: Terminal, withGrant: boolean): Promise<Found> {
  const token = ((await terminal.askSecret('Token: ')) ?? (await terminal.readAll())).trim()
  return token.includes('.') ? findJwt(domain, token, withGrant) : findHandle(domain, token, withGrant)
}

async function findJwt(domain: Domain, token: string, withGrant: boolean): Promise<Found> {
  const { revocation } = domain
  // A token that is revoked already may be named again: its grant may be what is to end.
  const claims = await verifyOwn(domain, token, 'revocation')
  if (claims === undefined) throw new Refused('This is no access token of this server, or it expired long ago.')
  const { jti, exp, gid, sub, client_id: clientId } = claims
  if (withGrant && gid !== undefined) return ofGrant(domain, gid)
  return {
    what: `the access token ${jti} of ${clientId}`,
    end: () => revocation.endToken({ jti, expiresAt: exp, sub, gid }, 'token_ended_by_operator', { clientId }),
  }
}

async function findHandle(domain: Domain, token: string, withGrant: boolean): Promise<Found> {
  const model = modelOf(token)
  const key = model && handleKey(model, token)
  const entry = key && (await domain.store.get(key))
  if (key === undefined || entry === undefined) {
    const grantId = grantIdIn(token)
    if (key && grantId && (await domain.store.wasSpent(keys.spent(grantId), key))) return ofGrant(domain, grantId)
    throw new Refused('This is no token of this server, or it has expired, or it has been ended.')
  }
  const { grantId, clientId } = JSON.parse(entry.value) as { grantId?: string; clientId?: string }
  const isAccessToken = model === 'AccessToken' || model === 'ClientCredentials'
  // A refresh token alone would come back: its family has one at any time.
  if (grantId !== undefined && (withGrant || !isAccessToken)) return ofGrant(domain, grantId)
  return {
    what: `an access token of ${clientId}`,
    end: () => domain.revocation.endToken({ key }, 'token_ended_by_operator', { clientId }),
  }
}

function ofGrant({ revocation }: Domain, grantId: string): Found {
  return { what: `the grant ${grantId}`, end: () => revocation.endGrant(grantId, 'grant_ended_by_operator') }
}
