/**
 * The issuer's public keys, kept so that a request costs no call.
 *
 * Three promises. A new key is found on its first use: a `kid` that we do not hold asks the issuer again. A storm of
 * invented `kid`s does not become a storm on the issuer: it is asked at most once in a pause, by one request at a time.
 * And an issuer that is down stops nobody at once: keys that we hold go on working, for a bounded time.
 *
 * With each question goes a random name of this verifier. A Grantor that is told to wait lets a new key sign only when
 * every verifier that it knows holds the key.
 */

import { KeyObject, randomUUID } from 'node:crypto'

import { createLocalJWKSet, errors } from 'jose'
import type { JSONWebKeySet } from 'jose'

import { type Fetch, fetchJson, findJwksUri } from './metadata.ts'
import { VerifierUnavailable } from '../refusals.ts'
import { type Verification, verificationWith } from '../token/signature.ts'
import { isWithin } from '../time.ts'

/** What of a token's header names the key. */
export interface KeyName {
  readonly alg: string
  readonly kid?: string | undefined
}

export interface KeyCache {
  /** Another number whenever the issuer has other keys than before: what was verified with those is to be verified anew. */
  readonly generation: number
  /** Whether there are keys that nobody needs to ask about. Then `found` is as good as `find`. */
  isFresh(): boolean
  /** What `find` gave for this name before, of the keys that are held now. */
  found(name: KeyName): Verification | undefined
  /**
   * The one key that `kid` and `alg` name. Throws `VerifierUnavailable` when no keys can be had, and another error when
   * no key, or more than one, matches, or it is not fit for the algorithm.
   */
  find(name: KeyName): Promise<Verification>
  /** Fetches keys unless fresh ones are here. Throws `VerifierUnavailable`. */
  prepare(): Promise<void>
}

export interface KeyCacheOptions {
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly fetch: Fetch
}

/** Used when the issuer does not say; its own `max-age` counts between the two bounds. */
const FRESH_SECONDS = 600
const MIN_FRESH_SECONDS = 30
/**
 * A server that is down issues no tokens, and those that are out live minutes: after an hour there is nothing left that
 * an old key could verify, except what a thief of that key made.
 */
const MAX_STALE_SECONDS = 3600
/** Between two questions about unknown keys. Keys are published well before they sign, so nobody waits for this. */
const UNKNOWN_KEY_PAUSE_MS = 10_000
/** Between two attempts when there is nothing to work with, or to renew what is stale. */
const RETRY_PAUSE_MS = 1000

type PickKey = ReturnType<typeof createLocalJWKSet>

interface Held {
  /** The JWKS as JSON, to see whether it changed. */
  readonly text: string
  readonly pick: PickKey
  /** By `alg` and `kid`; only those that exist, so it is as bounded as the JWKS. */
  readonly verifications: Map<string, Verification>
  readonly fetchedAtMs: number
  readonly freshSeconds: number
}

export function createKeyCache({ issuer, clock, fetch }: KeyCacheOptions): KeyCache {
  // Drawn anew by each verifier, so it tells nothing but which of them asks again.
  const headers = { 'grantor-verifier': randomUUID() }
  let held: Held | undefined
  let generation = 0
  let jwksUri: string | undefined
  let loading: Promise<void> | undefined
  let attemptedAtMs = Number.NEGATIVE_INFINITY
  let failure: VerifierUnavailable | undefined

  async function load(): Promise<void> {
    attemptedAtMs = clock()
    try {
      jwksUri ??= await findJwksUri(issuer, fetch)
      const { body, maxAgeSeconds } = await fetchJson(jwksUri, fetch, headers)
      const before = held
      held = { ...keysFrom(body, jwksUri, before), fetchedAtMs: clock(), freshSeconds: freshFor(maxAgeSeconds) }
      if (held.verifications !== before?.verifications) generation++
      failure = undefined
    } catch (error) {
      // The keys may have moved: ask the metadata again next time.
      jwksUri = undefined
      failure = error as VerifierUnavailable
      throw error
    }
  }

  /** One load at a time, and none within the pause after the last: then that one's outcome stands. */
  function renew(pauseMs: number): Promise<void> {
    if (loading !== undefined) return loading
    if (isWithin(attemptedAtMs, pauseMs, clock()))
      return failure === undefined ? Promise.resolve() : Promise.reject(failure)
    loading = load().finally(() => {
      loading = undefined
    })
    return loading
  }

  function isFresh(): boolean {
    return held !== undefined && isWithin(held.fetchedAtMs, held.freshSeconds * 1000, clock())
  }

  async function current(): Promise<Held> {
    if (held !== undefined && isFresh()) return held
    if (held !== undefined && isWithin(held.fetchedAtMs, MAX_STALE_SECONDS * 1000, clock())) {
      // Nobody waits for this, and a failure is no news: the next request tries again.
      renew(RETRY_PAUSE_MS).catch(() => undefined)
      return held
    }
    await renew(RETRY_PAUSE_MS)
    if (held === undefined) throw new VerifierUnavailable({ detail: `no keys of ${issuer}` })
    return held
  }

  return {
    get generation() {
      return generation
    },

    isFresh,

    found(name) {
      return held?.verifications.get(keyOf(name))
    },

    async find(name) {
      try {
        return await pickFrom(await current(), name)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      }
      // While the issuer cannot be asked, an unknown key may be a good one: that is "not now", never "invalid".
      await renew(UNKNOWN_KEY_PAUSE_MS)
      return pickFrom(await current(), name)
    },

    async prepare() {
      await current()
    },
  }
}

function keysFrom(body: Record<string, unknown>, address: string, before: Held | undefined) {
  const text = JSON.stringify(body)
  if (text === before?.text) return { text, pick: before.pick, verifications: before.verifications }
  try {
    const pick = createLocalJWKSet(body as unknown as JSONWebKeySet)
    return { text, pick, verifications: new Map<string, Verification>() }
  } catch (cause) {
    throw new VerifierUnavailable({ detail: `${address} is not a JWKS`, cause })
  }
}

async function pickFrom({ pick, verifications }: Held, name: KeyName): Promise<Verification> {
  const known = verifications.get(keyOf(name))
  if (known !== undefined) return known
  const key = await pick(name.kid === undefined ? { alg: name.alg } : { alg: name.alg, kid: name.kid })
  const verification = verificationWith(KeyObject.from(key as Parameters<typeof KeyObject.from>[0]), name.alg)
  verifications.set(keyOf(name), verification)
  return verification
}

/** No `alg` has a space, so no two names become one. */
function keyOf({ alg, kid }: KeyName): string {
  return kid === undefined ? alg : `${alg} ${kid}`
}

function freshFor(maxAgeSeconds: number | undefined): number {
  return Math.min(Math.max(maxAgeSeconds ?? FRESH_SECONDS, MIN_FRESH_SECONDS), FRESH_SECONDS)
}
