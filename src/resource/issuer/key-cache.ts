/**
 * The issuer's public keys, cached so that a request costs no call.
 *
 * Three promises. A new key is found at its first use: an unknown `kid` makes the verifier ask the issuer. Many
 * invented `kid`s do not become many calls: the issuer is asked at most once in an interval, by one request at a time.
 * When the issuer is down, the cached keys stay in use for a bounded time.
 *
 * Each call sends a random name of this verifier. A server that is configured to wait lets a new key sign only when
 * every known verifier has the key.
 */

import { KeyObject, randomUUID } from 'node:crypto'

import { createLocalJWKSet, errors } from 'jose'
import type { JSONWebKeySet } from 'jose'

import { type Fetch, fetchJson, findJwksUri } from './metadata.ts'
import { VerifierUnavailable } from '../refusals.ts'
import { type Verification, verificationWith } from '../token/signature.ts'
import { isWithin } from '../time.ts'

/** The members of a token's header that name the key. */
export interface KeyName {
  readonly alg: string
  readonly kid?: string | undefined
}

export interface KeyCache {
  /** Changes whenever the issuer's keys change. Tokens verified with the old keys must be verified again. */
  readonly generation: number
  /** Whether there are keys that are fresh enough to use without a call. Then `found` is as good as `find`. */
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
 * A server that is down issues no tokens, and issued tokens live for minutes. After an hour an old key could verify
 * only tokens of an attacker who has that key.
 */
const MAX_STALE_SECONDS = 3600
/**
 * The interval between two calls for unknown keys. Keys are published well before they sign, so a valid token does not
 * wait for it.
 */
const UNKNOWN_KEY_PAUSE_MS = 10_000
/** Between two attempts when there is nothing to work with, or to renew what is stale. */
const RETRY_PAUSE_MS = 1000

type PickKey = ReturnType<typeof createLocalJWKSet>

interface Held {
  /** The JWKS as JSON, to see whether it changed. */
  readonly text: string
  readonly pick: PickKey
  /** By `alg` and `kid`; only keys that exist, so it is as bounded as the JWKS. */
  readonly verifications: Map<string, Verification>
  readonly fetchedAtMs: number
  readonly freshSeconds: number
}

export function createKeyCache({ issuer, clock, fetch }: KeyCacheOptions): KeyCache {
  // Random for each verifier, so it identifies only the verifier.
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
      // No request waits for this, and the next request tries again after a failure.
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
