/** What `sub` is: the account's id, or for a client that asks for it, an identifier of its sector's own. */

import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider'

import { pairwiseSubject } from '../../clients/subjects.ts'

export function subjects({ pairwiseSalt }: { pairwiseSalt: string }): Partial<Configuration> {
  return {
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: async (_ctx: KoaContextWithOIDC, accountId: string, client: Client) =>
      pairwiseSubject(accountId, client.sectorIdentifier as string, pairwiseSalt),
  }
}

/** The account's subject for this client. */
export function subjectOf(accountId: string, client: Client, pairwiseSalt: string): string {
  return client.subjectType === 'pairwise'
    ? pairwiseSubject(accountId, client.sectorIdentifier as string, pairwiseSalt)
    : accountId
}
