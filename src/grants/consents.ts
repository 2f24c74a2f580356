/**
 * What a person has agreed to, remembered beyond the browser session, so that the same question is asked once.
 *
 * A grant belongs to one session and ends with it, because a stolen token of one session must not affect the others.
 * The answer on the consent page outlives the session. Only what was asked and granted is remembered; anything more is
 * asked again.
 */

import { type Clock, epochSeconds } from '../base/clock.ts'
import { keys } from '../store/keys.ts'
import { over } from '../store/over.ts'
import type { Entry, Store } from '../store/store.ts'
import type { NotBefore } from './not-before.ts'

export interface Consent {
  /** OpenID scopes. */
  readonly scopes: readonly string[]
  /** API audience → scopes. */
  readonly apis: Readonly<Record<string, readonly string[]>>
}

export interface Consents {
  findConsent(accountId: string, clientId: string): Promise<Consent | undefined>
  /** What the person agreed to, by client. */
  listConsents(accountId: string): Promise<{ clientId: string; consent: Consent }[]>
  /** Adds to what was agreed to before. */
  rememberConsent(accountId: string, clientId: string, given: Consent): Promise<void>
}

export interface ConsentsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly notBefore: Pick<NotBefore, 'covers'>
  readonly ttlSeconds: number
}

/** `at`, in epoch seconds, is when something was last agreed to. */
type StoredConsent = Consent & { readonly at?: number }

export function createConsents({ store, clock, notBefore, ttlSeconds }: ConsentsOptions): Consents {
  async function findConsent(accountId: string, clientId: string): Promise<Consent | undefined> {
    return opened(clientId, await store.get(keys.consent(accountId, clientId)))
  }

  /** A consent given before its client was ended is asked again: another client may have the same name now. */
  function opened(clientId: string, entry: Entry | undefined): Consent | undefined {
    if (entry === undefined) return undefined
    const { at, ...consent } = JSON.parse(entry.value) as StoredConsent
    return notBefore.covers({ clientId, issuedAt: at }) ? undefined : consent
  }

  return {
    findConsent,

    async listConsents(accountId) {
      const clientIds = await store.members(keys.accountConsents(accountId))
      const entries = await store.getMany(clientIds.map((clientId) => keys.consent(accountId, clientId)))
      return clientIds.flatMap((clientId, at) => {
        const consent = opened(clientId, entries[at])
        return consent === undefined ? [] : [{ clientId, consent }]
      })
    },

    async rememberConsent(accountId, clientId, given) {
      const key = keys.consent(accountId, clientId)
      await store.link(keys.accountConsents(accountId), clientId, ttlSeconds)
      for (;;) {
        const entry = await store.get(key)
        const before = opened(clientId, entry)
        const merged = before === undefined ? given : merge(before, given)
        const stored: StoredConsent = { ...merged, at: epochSeconds(clock) }
        // A consent that was withdrawn meanwhile is not restored.
        if ((await store.put(key, JSON.stringify(stored), { ttlSeconds, ...over(entry) })) === 'stored') return
      }
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
