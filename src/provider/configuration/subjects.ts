/** What `sub` is: the account's id, or for a client that asks for it, an identifier of its sector's own. */

import { createHmac } from 'node:crypto'
import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider'

/** A pairwise subject tells nothing of the account, and is the same for ever: its salt stays when keys rotate. */
export function subjects({ pairwiseSalt }: { pairwiseSalt: string }): Partial<Configuration> {
  return {
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: async (_ctx: KoaContextWithOIDC, accountId: string, client: Client) =>
      pairwise(accountId, client, pairwiseSalt),
  }
}

/** What this client knows the account as. */
export function subjectOf(accountId: string, client: Client, pairwiseSalt: string): string {
  return client.subjectType === 'pairwise' ? pairwise(accountId, client, pairwiseSalt) : accountId
}

function pairwise(accountId: string, { sectorIdentifier }: Client, salt: string): string {
  return createHmac('sha256', salt)
    .update(`${sectorIdentifier as string}\n${accountId}`)
    .digest('base64url')
}
