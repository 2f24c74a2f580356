/** By which `sub` a client knows a person: the account's id, or for a client that asks for it, one of its sector's own. */

import { createHmac } from 'node:crypto'

import type { Clients } from './clients.ts'

/**
 * A pairwise subject reveals nothing of the account (OpenID Connect Core section 8.1) and never changes: its salt stays
 * when keys rotate.
 */
export function pairwiseSubject(accountId: string, sector: string, salt: string): string {
  return createHmac('sha256', salt).update(`${sector}\n${accountId}`).digest('base64url')
}

export type SubjectOf = (accountId: string, clientId: string) => Promise<string>

/** For code that has only the id of the client. A client that was removed is treated as public. */
export function createSubjectOf(clients: Pick<Clients, 'findClient'>, salt: () => string): SubjectOf {
  return async function subjectOf(accountId, clientId) {
    const client = await clients.findClient(clientId)
    const [redirectUri] = client?.redirectUris ?? []
    if (client?.subjectType !== 'pairwise' || redirectUri === undefined) return accountId
    return pairwiseSubject(accountId, new URL(redirectUri).host, salt())
  }
}
