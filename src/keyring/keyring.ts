/**
 * The signing keys and the other secrets that all nodes share.
 *
 * A key is `next` (published, not yet signing), then `signing`, then `retired` (published until the last token it
 * signed has expired), then removed. It is published before it signs, so a verifier that caches our JWKS has it before
 * its first use (see ring.ts). Every node runs the schedule. The first node that writes takes the step, and the others
 * follow.
 */

import { randomInt } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

import type { Audit } from '../audit/audit.ts'
import { type Clock, epochSeconds } from '../base/clock.ts'
import { randomId } from '../base/ids.ts'
import { rootKeyId as nameOf } from '../base/sealing.ts'
import type { SigningAlgorithm } from '../config/config.ts'
import { logs } from '../store/keys.ts'
import type { Store } from '../store/store.ts'
import { type Keyring, type RingVersion, viewOf } from './keyring-version.ts'
import { forgetExternalKeys, orForget, refuseWithoutSigner } from './external-signer/ring-guard.ts'
import type { BoundSigner } from './external-signer/external-signer.ts'
import {
  advance,
  algorithmsOf,
  type Change,
  emptyRing,
  noteSchedule,
  type Ring,
  removeCompromised,
  removeIdle,
  rotateCookieKey,
  type Schedule,
  type Step,
  type StepParts,
  untilExpiredSeconds,
} from './ring/ring.ts'
import { createRingRecord } from './ring/ring-record.ts'
import { addEach, dueKeys, idle, known, rotateEach, type TakeStep, whenKeysAreMade } from './ring/ring-steps.ts'
import { generatePrivateJwk, type KeyAlgorithm } from './signing-key.ts'

export type { Keyring, KeySummary } from './keyring-version.ts'

export interface KeyringOptions {
  readonly store: Store
  /** The root key, and while it is being replaced the other one too; new rings are sealed under the first. */
  readonly rootKeys: () => Promise<readonly Uint8Array[]>
  readonly clock: Clock
  /** The algorithms of APIs in addition to RS256, ES256 and EdDSA, which every ring has. */
  readonly algorithms: readonly SigningAlgorithm[]
  readonly schedule: Schedule
  /** The longest life of an access token that any API has now, where it is longer than that of the schedule. */
  readonly liveTokenSeconds?: () => number
  readonly audit: Audit
  /** Holds the private keys that this process is not to hold. */
  readonly signer?: BoundSigner | undefined
  /** Whether new keys are made here although there is a signer. */
  readonly newKeysHere?: boolean | undefined
  /** Whether every verifier we know of holds this key, which the ring has since that version; asked before it signs. */
  readonly isHeld?: (keyId: string, sinceVersion: number) => Promise<boolean>
  /** Has every token refused that a key signed, for as long as one could live (revocation/revoke.ts). */
  readonly endKey: (keyId: string, keepSeconds: number) => Promise<void>
}

/** The result of a step by the schedule or an operator, or of a dry run. */
export interface Outcome {
  readonly keyring: Keyring
  readonly changes: readonly Change[]
}

export interface LiveKeyring {
  /** The ring as this node knows it. */
  current(): Keyring
  /**
   * Calls `listener` with every newer ring, within a second of its making by any node; `onTrouble` when the ring can no
   * longer be read, once until it can again. Returns a stop.
   */
  follow(listener: (keyring: Keyring) => void, onTrouble: (error: unknown) => void): () => void
  /** Makes what an API needs before it is in force: a key for its algorithm, and overlaps as long as its tokens live. */
  serveApi(needs: { readonly algorithm: SigningAlgorithm; readonly tokenSeconds: number }): Promise<Outcome>
  /** Does what the schedule asks for now; usually nothing. */
  advance(options?: Dry): Promise<Outcome>
  /** Publishes a successor now, to sign as soon as every cache must know it. All algorithms without one named. */
  rotate(algorithm: KeyAlgorithm | undefined, options?: Dry): Promise<Outcome>
  /** Takes a key out at once; throws `KeyUnknown`. */
  compromise(keyId: string, options?: Dry): Promise<Outcome>
  /** Removes a key that is not signing. Throws `KeyUnknown`, or `KeyInUse` for the signing key. */
  retire(keyId: string, options?: Dry): Promise<Outcome>
  rotateCookieKey(options?: Dry): Promise<Outcome>
  /** Seals the ring under another root key. */
  reseal(rootKey: Uint8Array): Promise<Keyring>
  /** Reads the ring again now. */
  refresh(): Promise<Keyring>
}

export interface Dry {
  /** Tells what would happen, and writes nothing. */
  readonly dryRun?: boolean
}

// RS256 because OpenID Connect requires it (Core section 15.1); the curves because an ID token may be asked for in
// them. In this order they are published.
const ALWAYS: readonly KeyAlgorithm[] = ['RS256', 'ES256', 'EdDSA']
const WAKE_KEEP_SECONDS = 3600
// The log wakes a follower at once. The look once a second covers a node that ended after its write and before its line
// in the log.
const REREAD_MS = 1000

/**
 * Opens the ring, made or completed where it needs to be. Throws `RootKeyWrong`, `SealBroken`, `StoreUnavailable`.
 */
export async function openKeyring(options: KeyringOptions): Promise<LiveKeyring> {
  const { store, clock, audit, signer, liveTokenSeconds = () => 0 } = options
  const algorithms = [...new Set([...ALWAYS, ...options.algorithms.filter((algorithm) => algorithm !== 'HS256')])]
  const record = createRingRecord(options)
  const stepParts = createStepParts(options)
  if (!(await record.exists())) await create()
  let latest = viewOf(await record.read())
  await change(complete)

  return {
    current: () => latest,
    follow: (listener, onTrouble) => followRing({ store, refresh, from: latest.version, listener, onTrouble }),
    refresh,
    serveApi,
    advance: async (dry) => change(advance, dry),
    rotate: async (algorithm, dry) => change(rotateEach(algorithm), dry),
    compromise,
    retire: async (keyId, dry) => change((ring) => removeIdle(idle(ring, keyId), keyId), dry),
    rotateCookieKey: async (dry) => change(rotateCookieKey, dry),
    reseal,
  }

  /** Takes a step on the present ring. A call that loses the write takes the step again, on the ring that won. */
  async function change(take: TakeStep, { dryRun = false }: Dry = {}): Promise<Outcome> {
    for (;;) {
      const stored = await record.read()
      const step = await orForget(signer, await stepParts(stored, dryRun), (parts) =>
        whenKeysAreMade(take, stored.ring, parts, () => clock() / 1000),
      )
      if (dryRun || isDeepStrictEqual(step.ring, stored.ring)) {
        const keyring = viewOf({ ...stored, ring: step.ring })
        if (!dryRun) keepNewer(keyring)
        return { keyring, changes: step.changes }
      }
      if (await record.write(step.ring, stored.rootKey, stored.version)) {
        const keyring = viewOf({ ...stored, ring: step.ring, version: stored.version + 1 })
        keepNewer(keyring)
        forgetExternalKeys(signer, stored.ring, step.ring)
        await announce(step.changes, keyring.version)
        return { keyring, changes: step.changes }
      }
      forgetExternalKeys(signer, step.ring, stored.ring)
    }
  }

  /** The ring with what this node promises, and with a key for every algorithm that is asked for. */
  async function complete(ring: Ring, parts: StepParts): Promise<Step> {
    refuseWithoutSigner(ring, signer)
    const missing = algorithms.filter((algorithm) => !algorithmsOf(ring).includes(algorithm))
    return addEach(noteSchedule(ring, parts), missing, parts)
  }

  async function serveApi({ algorithm, tokenSeconds }: { algorithm: SigningAlgorithm; tokenSeconds: number }) {
    return change((ring, parts) => {
      const schedule = atLeast(options.schedule, Math.max(tokenSeconds, liveTokenSeconds()))
      const missing = algorithm === 'HS256' || algorithmsOf(ring).includes(algorithm) ? [] : [algorithm]
      return addEach(noteSchedule(ring, { ...parts, schedule }), missing, { ...parts, schedule })
    })
  }

  async function compromise(keyId: string, dry: Dry = {}): Promise<Outcome> {
    let keepSeconds = 0
    const outcome = await change(async (ring, parts) => {
      keepSeconds = untilExpiredSeconds(ring, parts.schedule)
      // A repeated call after an interruption: the key is removed, but the revocation may not be announced yet.
      if (ring.compromised.some(({ kid }) => kid === keyId)) return { ring, changes: [] }
      return removeCompromised(known(ring, keyId), keyId, parts)
    }, dry)
    // Verifiers that follow the revocations refuse the key's tokens without fetching anything.
    if (dry.dryRun !== true) await options.endKey(keyId, keepSeconds)
    return outcome
  }

  async function create(): Promise<void> {
    const [rootKey] = await options.rootKeys()
    if (rootKey === undefined) throw new TypeError('no root key')
    const secrets = { pairwiseSalt: randomId(), csrfKey: randomId(), storeKey: randomId() }
    const empty = emptyRing(secrets, { secret: randomId(), createdAt: epochSeconds(clock) })
    const parts = await stepParts({ ring: empty, version: 0 })
    const { ring } = await orForget(signer, parts, (noted) => addEach(empty, algorithms, noted))
    if (await record.write(ring, rootKey, undefined)) audit.record('keyring.created', { outcome: 'success' })
    else forgetExternalKeys(signer, ring, empty)
  }

  /** Of two looks at the ring that cross each other, the newer one counts. */
  function keepNewer(keyring: Keyring): void {
    if (keyring.version > latest.version) latest = keyring
  }

  async function announce(changes: readonly Change[], version: number): Promise<void> {
    for (const { event, keyId, algorithm } of changes) audit.record(event, { keyId, reason: algorithm })
    await store.append(logs.keyring, String(version), WAKE_KEEP_SECONDS)
  }

  async function refresh(): Promise<Keyring> {
    keepNewer(viewOf(await record.read()))
    return latest
  }

  async function reseal(rootKey: Uint8Array): Promise<Keyring> {
    for (;;) {
      const { ring, version, rootKeyId } = await record.read()
      if (rootKeyId === nameOf(rootKey)) return refresh()
      if (await record.write(ring, rootKey, version)) {
        audit.record('keyring.resealed', { reason: `root key ${nameOf(rootKey)}` })
        await store.append(logs.keyring, String(version + 1), WAKE_KEEP_SECONDS)
        return refresh()
      }
    }
  }
}

/** The schedule for an API whose tokens live this long. */
function atLeast(schedule: Schedule, tokenSeconds: number): Schedule {
  return { ...schedule, longestTokenSeconds: Math.max(schedule.longestTokenSeconds, tokenSeconds) }
}

/** What a step on the ring needs in addition to the ring. */
function createStepParts(options: KeyringOptions) {
  const { clock, signer, schedule, isHeld = async () => true, liveTokenSeconds = () => 0 } = options

  return async function stepParts(
    { ring, version }: Pick<RingVersion, 'ring' | 'version'>,
    dryRun = false,
  ): Promise<StepParts> {
    const now = clock() / 1000
    const held = await Promise.all(
      dueKeys(ring, now).map(async ({ jwk, publishedIn }) =>
        (await isHeld(jwk.kid, publishedIn)) ? jwk.kid : undefined,
      ),
    )
    return {
      now,
      version: version + 1,
      schedule: atLeast(schedule, liveTokenSeconds()),
      // A rehearsal leaves nothing behind, at the signer neither.
      makeKey: signer === undefined || options.newKeysHere || dryRun ? generatePrivateJwk : signer.makeKey,
      makeSecret: randomId,
      chance: randomInt(1000) / 1000,
      isHeld: (keyId) => held.includes(keyId),
    }
  }
}

interface Following {
  readonly store: Pick<Store, 'follow'>
  readonly refresh: () => Promise<Keyring>
  /** The version that the listener has. */
  readonly from: number
  readonly listener: (keyring: Keyring) => void
  readonly onTrouble: (error: unknown) => void
}

/** Gives the listener every newer ring: at a line of the log, and at a look once a second. Returns a stop. */
function followRing({ store, refresh, from, listener, onTrouble }: Following): () => void {
  let told = from
  let troubled = false
  const look = () => {
    refresh().then(tell, (error: unknown) => {
      if (!troubled) onTrouble(error)
      troubled = true
    })
  }
  const tell = (keyring: Keyring) => {
    troubled = false
    if (keyring.version <= told) return
    told = keyring.version
    listener(keyring)
  }
  const unfollow = store.follow(logs.keyring, undefined, look)
  const timer = setInterval(look, REREAD_MS).unref()
  look()
  return () => {
    unfollow()
    clearInterval(timer)
  }
}
