/**
 * What a person has agreed to, remembered beyond the browser session, so that the same question is asked once.
 *
 * A grant lives in one session and dies with it (a stolen token of one session must not take the others along); the
 * answer to the consent page outlives it. Only what was asked and agreed to is here: more is asked again.
 */

import { keys } from '../store/keys.ts'
import type { Store } from '../store/store.ts'

export interface Consent {
  /** OpenID scopes. */
  readonly scopes: readonly string[]
  /** API audience → scopes. */
  readonly apis: Readonly<Record<string, readonly string[]>>
}

export interface Consents {
  findConsent(accountId: string, clientId: string): Promise<Consent | undefined>
  /** Those of these clients that the person agreed to something with, in one round trip. */
  listConsents(accountId: string, clientIds: readonly string[]): Promise<{ clientId: string; consent: Consent }[]>
  /** Adds to what was agreed to before. */
  rememberConsent(accountId: string, clientId: string, given: Consent): Promise<void>
  forgetConsent(accountId: string, clientId: string): Promise<void>
}

export function createConsents({ store, ttlSeconds }: { store: Store; ttlSeconds: number }): Consents {
  async function findConsent(accountId: string, clientId: string): Promise<Consent | undefined> {
    const entry = await store.get(keys.consent(accountId, clientId))
    return entry && (JSON.parse(entry.value) as Consent)
  }

  return {
    findConsent,

    async listConsents(accountId, clientIds) {
      const entries = await store.getMany(clientIds.map((clientId) => keys.consent(accountId, clientId)))
      return clientIds.flatMap((clientId, at) => {
        const entry = entries[at]
        return entry === undefined ? [] : [{ clientId, consent: JSON.parse(entry.value) as Consent }]
      })
    },

    async rememberConsent(accountId, clientId, given) {
      // Two answers at once may lose one of them; the person is then asked again, which harms nobody.
      const before = await findConsent(accountId, clientId)
      const merged = before === undefined ? given : merge(before, given)
      await store.put(keys.consent(accountId, clientId), JSON.stringify(merged), { ttlSeconds })
    },

    async forgetConsent(accountId, clientId) {
      await store.remove([keys.consent(accountId, clientId)])
    },
  }
}

function merge(before: Consent, given: Consent): Consent {
  const apis: Record<string, readonly string[]> = { ...before.apis }
  for (const [audience, scopes] of Object.entries(given.apis)) {
    apis[audience] = union(apis[audience] ?? [], scopes)
  }
  return { scopes: union(before.scopes, given.scopes), apis }
}

function union(some: readonly string[], more: readonly string[]): string[] {
  return [...new Set([...some, ...more])]
}
