/** What `sub` is: the account's id, or for a client that asks for it, an identifier of its sector's own. */

import { createHmac } from 'node:crypto'
import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider'

/** A pairwise subject tells nothing of the account, and is the same for ever: its salt stays when keys rotate. */
export function subjects({ pairwiseSalt }: { pairwiseSalt: string }): Partial<Configuration> {
  return {
    subjectTypes: ['public', 'pairwise'],
    async pairwiseIdentifier(_ctx: KoaContextWithOIDC, accountId: string, client: Client) {
      const sector = client.sectorIdentifier as string
      return createHmac('sha256', pairwiseSalt).update(`${sector}\n${accountId}`).digest('base64url')
    },
  }
}
