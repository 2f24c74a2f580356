/** The ring as a node of the server opens it, with what it recorded; and the times that these tests count with. */

import { randomBytes } from 'node:crypto'

import { createAudit } from '../../src/audit/audit.ts'
import { createLog } from '../../src/audit/log.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { SigningAlgorithm } from '../../src/config/config.ts'
import { type Keyring, type KeyringOptions, type LiveKeyring, openKeyring } from '../../src/keyring/keyring.ts'
import type { Schedule } from '../../src/keyring/ring/ring.ts'
import { logs } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'

export const SCHEDULE: Schedule = {
  rotationSeconds: 10_000,
  maxAgeSeconds: 300,
  marginSeconds: 60,
  longestTokenSeconds: 3600,
  longestSessionSeconds: 20_000,
  waitForVerifiersSeconds: 0,
}
/** From its publication until a key may sign. */
export const OVERLAP_SECONDS = 360
/** From its last signature until a key is gone. */
export const RETIRED_SECONDS = 3660

export const ROOT_KEY = randomBytes(32)

export interface NodeOptions {
  readonly algorithms?: readonly SigningAlgorithm[]
  readonly rootKeys?: () => Promise<readonly Uint8Array[]>
  readonly schedule?: Partial<Schedule>
}

/** Resolves when the node has its ring, and has recorded what that took. */
export async function aNode(store: Store, clock: Clock, options: NodeOptions = {}): Promise<LiveKeyring> {
  const { algorithms = [], rootKeys = async () => [ROOT_KEY], schedule = {} } = options
  const audit = createAudit({ store, clock, log: createLog({ level: 'silent' }) })
  const keyring = await openKeyring({
    ...{ store, clock, algorithms, audit, rootKeys },
    schedule: { ...SCHEDULE, ...schedule },
    endKey: endKeyIn(store),
  })
  await audit.settled()
  return keyring
}

/** Tells what the revocations' followers are told, as revocation/revoke.ts would. */
export function endKeyIn(store: Store): KeyringOptions['endKey'] {
  return async (kid, keepSeconds) => {
    await store.append(logs.revocations, JSON.stringify({ kid }), keepSeconds)
  }
}

/** What the audit trail tells of the ring, in its words without their common beginning. */
export async function recorded(store: Store): Promise<string[]> {
  const entries = await store.read('audit', undefined, 1000)
  return entries.map(({ value }) => (JSON.parse(value) as { event: string }).event.replace('keyring.', ''))
}

export function keyIds(ring: Keyring, state: Keyring['keys'][number]['state'], algorithm?: string): string[] {
  const found = ring.keys.filter((key) => key.state === state && (algorithm ?? key.algorithm) === key.algorithm)
  return found.map(({ keyId }) => keyId)
}

/** The algorithms of a ring with how many keys sign with each. */
export function signersOf(ring: Keyring): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { algorithm, state } of ring.keys)
    counts[algorithm] = (counts[algorithm] ?? 0) + Number(state === 'signing')
  return counts
}

/** Everything in a ring that must stay secret. */
export function secretsOf(ring: Keyring): string[] {
  const members = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const
  const ofKeys = ring.signingJwks.flatMap((jwk) => members.map((member) => Reflect.get(jwk, member) as unknown))
  const bytes = [ring.csrfKey, ring.storeKey].map((key) => Buffer.from(key).toString('base64url'))
  return [...ofKeys, ...ring.cookieKeys, ring.pairwiseSalt, ...bytes].filter((one) => typeof one === 'string')
}
