/**
 * The ring: what is in it, and every step by which it changes.
 *
 * The steps are pure functions: from a ring, the time and the schedule to the next ring. The caller writes the whole
 * ring by compare and swap, so of any number of nodes one wins, and a crash leaves the ring before or after the step.
 * Each ring has exactly one signing key for an algorithm.
 */

import type { ActiveKey, KeyAlgorithm, KeyJwk, NextKey, RetiredKey, SigningKey } from '../signing-key.ts'
import { longest, noteTerm, type Term } from './terms.ts'

export interface Ring {
  readonly keys: readonly SigningKey[]
  /** The first signs cookies, all of them verify. */
  readonly cookieKeys: readonly CookieKey[]
  /** base64url. What makes a pairwise subject unguessable (OpenID Connect Core section 8.1); it never changes. */
  readonly pairwiseSalt: string
  /** base64url, 32 bytes from which the tokens of forms are derived. */
  readonly csrfKey: string
  /** base64url, 32 bytes under which what is stored is sealed; the root key seals only the ring. */
  readonly storeKey: string
  /** Every `max-age`, life of a token and life of a session that may still bind. */
  readonly maxAges: readonly Term[]
  readonly tokenLives: readonly Term[]
  readonly sessionLives: readonly Term[]
  /** Compromised keys that were removed, kept while a token that they signed could be valid. */
  readonly compromised: readonly { readonly kid: string; readonly at: number }[]
}

export interface CookieKey {
  readonly secret: string
  readonly createdAt: number
  /** When the last session that it signed has ended; absent for the key that signs now. */
  readonly goneAt?: number
}

/** How the ring moves in time; all in seconds. */
export interface Schedule {
  /** How long a key signs. */
  readonly rotationSeconds: number
  /** How long verifiers may keep a JWKS. */
  readonly maxAgeSeconds: number
  /** Added to every overlap: for nodes that follow late, slow answers, and clocks that differ. */
  readonly marginSeconds: number
  /** The longest life of any token that these keys sign. */
  readonly longestTokenSeconds: number
  readonly longestSessionSeconds: number
  /** How much longer than its time a key may wait to sign, for verifiers that do not hold it yet; 0 waits for none. */
  readonly waitForVerifiersSeconds: number
}

/** One thing that happened to the ring, in the words of the audit trail. */
export interface Change {
  readonly event:
    | 'keyring.key_published'
    | 'keyring.key_signing'
    | 'keyring.key_retired'
    | 'keyring.key_removed'
    | 'keyring.key_compromised'
    | 'keyring.cookie_key_rotated'
  readonly keyId?: string
  readonly algorithm?: KeyAlgorithm
}

export interface Step {
  readonly ring: Ring
  readonly changes: readonly Change[]
}

/** Makes a key; RSA keys are slow, so a step asks for one only when it needs it. */
export type MakeKey = (algorithm: KeyAlgorithm) => Promise<KeyJwk>

export interface StepParts {
  /** Epoch seconds with their fraction: an overlap counted from a whole second would lack the part that has passed. */
  readonly now: number
  /** The version under which the ring is stored once the step is taken. */
  readonly version: number
  readonly schedule: Schedule
  readonly makeKey: MakeKey
  readonly makeSecret: () => string
  /** 0 to 1; spreads the rotations of different rings. */
  readonly chance: number
  /** Whether every verifier we know of holds this key. */
  readonly isHeld?: (keyId: string) => boolean
}

/** How long a key is published before it signs: until no cache can be without it. */
function untilKnownSeconds({ maxAges }: Ring, { marginSeconds }: Schedule): number {
  return longest(maxAges) + marginSeconds
}

/** How long a key is published after it signed: until no token that it signed can live. */
export function untilExpiredSeconds({ tokenLives }: Ring, { marginSeconds }: Schedule): number {
  return longest(tokenLives) + marginSeconds
}

export function algorithmsOf(ring: Ring): KeyAlgorithm[] {
  return ring.keys.filter((key) => key.state === 'signing').map(({ jwk }) => jwk.alg)
}

export function signingKey(ring: Ring, algorithm: KeyAlgorithm): ActiveKey {
  const found = ring.keys.find((key): key is ActiveKey => key.state === 'signing' && key.jwk.alg === algorithm)
  if (found === undefined) throw new TypeError(`the ring has no signing key for ${algorithm}`)
  return found
}

export function nextKey(ring: Ring, algorithm: KeyAlgorithm): NextKey | undefined {
  return ring.keys.find((key): key is NextKey => key.state === 'next' && key.jwk.alg === algorithm)
}

/** A ring without keys; its secrets are drawn by the caller, once in the life of a store. */
export function emptyRing(secrets: Pick<Ring, 'pairwiseSalt' | 'csrfKey' | 'storeKey'>, cookie: CookieKey): Ring {
  return { keys: [], cookieKeys: [cookie], ...secrets, maxAges: [], tokenLives: [], sessionLives: [], compromised: [] }
}

/** The ring with what this node's schedule promises; a node notes it before it serves anything, and with every step. */
export function noteSchedule(ring: Ring, { now, schedule }: Pick<StepParts, 'now' | 'schedule'>): Ring {
  const noted = (terms: readonly Term[], seconds: number) =>
    noteTerm(terms, seconds, Math.ceil(now), schedule.marginSeconds)
  return {
    ...ring,
    maxAges: noted(ring.maxAges, schedule.maxAgeSeconds),
    tokenLives: noted(ring.tokenLives, schedule.longestTokenSeconds),
    sessionLives: noted(ring.sessionLives, schedule.longestSessionSeconds),
  }
}

/** The steps that are due by the schedule: publish, sign, remove. An unchanged ring means that nothing is due. */
export async function advance(ring: Ring, parts: StepParts): Promise<Step> {
  const step = begin(noteSchedule(ring, parts))
  dropExpired(step, parts)
  if (parts.now >= cookieKeyDueAt(ring, parts.schedule)) turnCookieKey(step, parts)
  for (const algorithm of algorithmsOf(step.ring)) {
    const signing = signingKey(step.ring, algorithm)
    const next = nextKey(step.ring, algorithm)
    if (next === undefined) {
      if (parts.now >= signing.rotatesAt - untilKnownSeconds(step.ring, parts.schedule))
        await publish(step, algorithm, parts)
    } else if (parts.now >= signing.rotatesAt && maySign(next, parts)) {
      promote(step, next, parts)
    }
  }
  return step
}

/** Brings the next rotation of an algorithm forward: published now, signing as soon as every cache must know it. */
export async function rotateNow(ring: Ring, algorithm: KeyAlgorithm, parts: StepParts): Promise<Step> {
  const step = begin(noteSchedule(ring, parts))
  const next = nextKey(step.ring, algorithm) ?? (await publish(step, algorithm, parts))
  const due = { ...signingKey(step.ring, algorithm), rotatesAt: next.signsFrom }
  step.ring = { ...step.ring, keys: step.ring.keys.map((key) => (key.jwk.kid === due.jwk.kid ? due : key)) }
  return step
}

/** Adds an algorithm that the ring has not; its first key signs at once, since there is no other that could. */
export async function addAlgorithm(ring: Ring, algorithm: KeyAlgorithm, parts: StepParts): Promise<Step> {
  if (algorithmsOf(ring).includes(algorithm)) throw new TypeError(`the ring has ${algorithm} already`)
  const step = begin(noteSchedule(ring, parts))
  const jwk = await parts.makeKey(algorithm)
  step.ring = { ...step.ring, keys: [...step.ring.keys, activeKey(jwk, Math.floor(parts.now), parts)] }
  note(step, 'keyring.key_signing', jwk)
  return step
}

/**
 * Removes a compromised key at once; another key signs at once. Verifiers that do not have the new key fetch it when
 * they see it first, which is acceptable here.
 */
export async function removeCompromised(ring: Ring, kid: string, parts: StepParts): Promise<Step> {
  const key = ring.keys.find(({ jwk }) => jwk.kid === kid)
  if (key === undefined) throw new TypeError(`the ring has no key ${kid}`)
  const step = begin(noteSchedule(ring, parts))
  const others = step.ring.keys.filter(({ jwk }) => jwk.kid !== kid)
  step.ring = { ...step.ring, keys: others, compromised: [...step.ring.compromised, { kid, at: Math.ceil(parts.now) }] }
  note(step, 'keyring.key_compromised', key.jwk)
  if (key.state === 'signing') {
    const heir = nextKey(step.ring, key.jwk.alg)
    const jwk = heir?.jwk ?? (await parts.makeKey(key.jwk.alg))
    const kept = step.ring.keys.filter((other) => other !== heir)
    step.ring = { ...step.ring, keys: [...kept, activeKey(jwk, heir?.createdAt ?? Math.floor(parts.now), parts)] }
    note(step, 'keyring.key_signing', jwk)
  }
  return step
}

/** Takes out a key that is not signing: a `next` that shall not come, or a `retired` before its time. */
export function removeIdle(ring: Ring, kid: string): Step {
  const key = ring.keys.find(({ jwk }) => jwk.kid === kid)
  if (key === undefined || key.state === 'signing') throw new TypeError(`the ring has no idle key ${kid}`)
  const step = begin({ ...ring, keys: ring.keys.filter((other) => other !== key) })
  note(step, 'keyring.key_removed', key.jwk)
  return step
}

/** Cookies are signed with a new key; those signed with the old ones are good until the last of their sessions ends. */
export function rotateCookieKey(ring: Ring, parts: StepParts): Step {
  const step = begin(noteSchedule(ring, parts))
  turnCookieKey(step, parts)
  return step
}

interface OpenStep extends Step {
  ring: Ring
  readonly changes: Change[]
}

function begin(ring: Ring): OpenStep {
  return { ring, changes: [] }
}

function note(step: OpenStep, event: Change['event'], { kid, alg }: KeyJwk): void {
  step.changes.push({ event, keyId: kid, algorithm: alg })
}

async function publish(step: OpenStep, algorithm: KeyAlgorithm, parts: StepParts): Promise<NextKey> {
  const jwk = await parts.makeKey(algorithm)
  const signsFrom = Math.ceil(parts.now + untilKnownSeconds(step.ring, parts.schedule))
  const createdAt = Math.floor(parts.now)
  const next: NextKey = { state: 'next', jwk, createdAt, signsFrom, publishedIn: parts.version }
  step.ring = { ...step.ring, keys: [...step.ring.keys, next] }
  note(step, 'keyring.key_published', jwk)
  return next
}

function maySign(next: NextKey, { now, schedule, isHeld = () => true }: StepParts): boolean {
  if (now < next.signsFrom) return false
  return isHeld(next.jwk.kid) || now >= next.signsFrom + schedule.waitForVerifiersSeconds
}

function promote(step: OpenStep, next: NextKey, parts: StepParts): void {
  const old = signingKey(step.ring, next.jwk.alg)
  const goneAt = Math.ceil(parts.now + untilExpiredSeconds(step.ring, parts.schedule))
  const retired: RetiredKey = { state: 'retired', jwk: old.jwk, createdAt: old.createdAt, goneAt }
  const keys = step.ring.keys.map((key) => {
    if (key === next) return activeKey(next.jwk, next.createdAt, parts)
    return key === old ? retired : key
  })
  step.ring = { ...step.ring, keys }
  note(step, 'keyring.key_retired', old.jwk)
  note(step, 'keyring.key_signing', next.jwk)
}

// A tenth more or less, so that many servers that were set up together do not rotate together for ever.
const JITTER = 0.1

function activeKey(jwk: KeyJwk, createdAt: number, { now, schedule, chance }: StepParts): ActiveKey {
  const spread = 1 - JITTER / 2 + JITTER * chance
  const rotatesAt = Math.ceil(now + schedule.rotationSeconds * spread)
  return { state: 'signing', jwk, createdAt, rotatesAt }
}

function cookieKeyDueAt(ring: Ring, { rotationSeconds }: Schedule): number {
  return (ring.cookieKeys[0]?.createdAt ?? 0) + rotationSeconds
}

function turnCookieKey(step: OpenStep, { now, schedule, makeSecret }: StepParts): void {
  const goneAt = Math.ceil(now + longest(step.ring.sessionLives) + schedule.marginSeconds)
  const older = step.ring.cookieKeys.map((key) => ({ ...key, goneAt: key.goneAt ?? goneAt }))
  step.ring = { ...step.ring, cookieKeys: [{ secret: makeSecret(), createdAt: Math.floor(now) }, ...older] }
  step.changes.push({ event: 'keyring.cookie_key_rotated' })
}

function dropExpired(step: OpenStep, { now, schedule }: StepParts): void {
  const gone = step.ring.keys.filter((key) => key.state === 'retired' && key.goneAt <= now)
  for (const { jwk } of gone) note(step, 'keyring.key_removed', jwk)
  step.ring = {
    ...step.ring,
    keys: step.ring.keys.filter((key) => !gone.includes(key)),
    cookieKeys: step.ring.cookieKeys.filter(({ goneAt }) => goneAt === undefined || goneAt > now),
    compromised: step.ring.compromised.filter(({ at }) => at + untilExpiredSeconds(step.ring, schedule) > now),
  }
}
