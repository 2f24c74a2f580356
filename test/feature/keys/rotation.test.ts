/** The ring is turned by two nodes at the same moment, and by nodes that die in the middle of it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CompactSign, compactVerify, createLocalJWKSet, importJWK, type JWK } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'

import type { Clock } from '../../../src/base/clock.ts'
import type { Keyring, LiveKeyring, Outcome } from '../../../src/keyring/keyring.ts'
import { openEmbeddedStore } from '../../../src/store/embedded/embedded-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { aNode, keyIds, OVERLAP_SECONDS, ROOT_KEY, SCHEDULE, signersOf } from '../../keyring/one-node.ts'
import { openTestStores } from '../../support/embedded-store.ts'
import { openOnRedis } from '../../store/redis-stores.ts'
import { type MovableClock, movableClock } from '../../support/movable-clock.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'

const ONE_EACH = { RS256: 1, ES256: 1, EdDSA: 1 }

/** How often a node is killed: at every moment twice, or `FAULT_ROUNDS=200`. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 28)

describe('[F8] two nodes that turn the ring at the same moment, in the embedded store', () => {
  it('make one successor and promote one, of each algorithm, and agree', { timeout: 120_000 }, () =>
    turnTogether((clock) => openTestStores(clock, 2)),
  )
})

describeWithRedis('[F8] two nodes that turn the ring at the same moment, in Redis', () => {
  it('make one successor and promote one, of each algorithm, and agree', { timeout: 120_000 }, async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    await turnTogether(async (clock) => {
      const opened = await openOnRedis(redis.url, clock)
      onTestFinished(() => opened.close())
      return [opened.store, await opened.second()]
    })
  })
})

async function turnTogether(open: (clock: Clock) => Promise<Store[]>): Promise<void> {
  const clock = movableClock()
  const stores = await open(clock)
  const nodes = (await Promise.all(stores.map((store) => aNode(store, clock)))) as [LiveKeyring, LiveKeyring]
  const seen = new Set(nodes[0].current().signingJwks.map(({ kid }) => kid))
  /** One node takes the step; the other finds it taken. */
  const together = async (steps: number, turn: (node: LiveKeyring) => Promise<Outcome>) => {
    const { version } = await nodes[0].refresh()
    const outcomes = await Promise.all(nodes.map(turn))
    const [one, other] = await Promise.all([nodes[0].refresh(), nodes[1].refresh()])
    expect(one).toEqual(other)
    expect(one.version).toBe(version + steps)
    expect(outcomes.filter(({ changes }) => changes.length > 0)).toHaveLength(steps)
    expect(signersOf(one)).toEqual(ONE_EACH)
    return one
  }

  for (let round = 0; round < 200; round++) {
    // All of them now and then; an RSA key takes its time.
    const algorithm = round % 20 === 0 ? undefined : round % 2 === 0 ? 'ES256' : 'EdDSA'
    const published = await together(1, (node) => node.rotate(algorithm))
    const next = keyIds(published, 'next')
    expect(next).toHaveLength(algorithm === undefined ? 3 : 1)
    for (const keyId of next) expect(seen.has(keyId)).toBe(false)
    for (const keyId of next) seen.add(keyId)

    clock.moveSeconds(OVERLAP_SECONDS)
    const turned = await together(1, (node) => node.advance())
    expect(keyIds(turned, 'signing')).toEqual(expect.arrayContaining(next))
    expect(turned.keys.filter(({ state }) => state === 'next').length).toBeLessThanOrEqual(3)
    await together(0, (node) => node.advance())
    await finishWaiting(nodes[0], clock)
  }
}

const NODE = fileURLToPath(new URL('./rotating-node.ts', import.meta.url))

/** The writes of each turn: the ring, the line that wakes the others, for a compromised key the line in the feed. */
const TURNS = [
  { what: 'publish', writes: 2 },
  { what: 'turn', writes: 2 },
  { what: 'compromise', writes: 3 },
] as const

/** Every moment at which a node can die: before and after each write. */
const KILL_POINTS = TURNS.flatMap(({ what, writes }) =>
  Array.from({ length: writes }, (_, write) => write + 1).flatMap((nth) =>
    (['before', 'after'] as const).map((when) => ({ what, when, nth })),
  ),
)

describe('[F7] a node that is killed at a write of a rotation', () => {
  it('leaves one signing key of each algorithm, and no token that cannot be verified', {
    timeout: 600_000,
  }, async () => {
    // Side by side, since most of the time goes into starting processes.
    const lanes = await Promise.all([
      killAgainAndAgain(ROUNDS / 2, 0),
      killAgainAndAgain(ROUNDS / 2, KILL_POINTS.length / 2),
    ])

    const verified = lanes.reduce((sum, lane) => sum + lane, 0)
    console.log(`[F7] ${ROUNDS} kills at ${KILL_POINTS.length} moments, ${verified} tokens verified afterwards`)
    expect(verified).toBeGreaterThan(ROUNDS * 3)
  })

  async function killAgainAndAgain(rounds: number, firstPoint: number): Promise<number> {
    const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
    const file = join(directory, 'store.sqlite')
    const clock = movableClock()
    const store = await openEmbeddedStore({ file, clock })
    onTestFinished(async () => {
      await store.close()
      await rm(directory, { recursive: true, force: true })
    })
    const survivor = await aNode(store, clock)
    let tokens: Signed[] = []
    let verified = 0

    for (let round = 0; round < rounds; round++) {
      const { what, when, nth } = KILL_POINTS[(firstPoint + round) % KILL_POINTS.length] as (typeof KILL_POINTS)[number]
      tokens.push(...(await signWithAll(await survivor.refresh(), clock)))
      if (what === 'turn') await makeDue(survivor, clock)
      const compromised = what === 'compromise' ? keyIds(survivor.current(), 'signing', 'ES256')[0] : undefined

      await killed(
        spawn(process.execPath, [NODE, file, ROOT_KEY.toString('hex'), String(clock()), what, when, `${nth}`]),
      )

      const restarted = (await aNode(store, clock)).current()
      expect(await survivor.refresh()).toEqual(restarted)
      expect(signersOf(restarted)).toEqual(ONE_EACH)
      for (const algorithm of Object.keys(ONE_EACH)) {
        expect(keyIds(restarted, 'next', algorithm).length).toBeLessThanOrEqual(1)
      }
      // What was cut off before its first write has not happened; its key is as good as before.
      if (compromised !== undefined && !(when === 'before' && nth === 1)) {
        expect(restarted.signingJwks.map(({ kid }) => kid)).not.toContain(compromised)
        tokens = tokens.filter(({ keyId }) => keyId !== compromised)
      }
      tokens = tokens.filter(({ until }) => until > clock())
      for (const { token } of tokens) await compactVerify(token, publicKeys(restarted))
      verified += tokens.length
      await finishWaiting(survivor, clock)
    }
    return verified
  }
})

interface Signed {
  readonly token: string
  readonly keyId: string
  readonly until: number
}

async function signWithAll(ring: Keyring, clock: () => number): Promise<Signed[]> {
  const until = clock() + SCHEDULE.longestTokenSeconds * 1000
  return Promise.all(
    keyIds(ring, 'signing').map(async (keyId) => {
      const jwk = ring.signingJwks.find(({ kid }) => kid === keyId) as JWK
      const signer = new CompactSign(Buffer.from('said')).setProtectedHeader({ alg: jwk.alg as string, kid: keyId })
      return { token: await signer.sign(await importJWK(jwk)), keyId, until }
    }),
  )
}

function publicKeys({ signingJwks: jwks }: Keyring) {
  const members = ['kty', 'kid', 'alg', 'n', 'e', 'crv', 'x', 'y']
  const published = jwks.map((jwk) => Object.entries(jwk).filter(([member]) => members.includes(member)))
  return createLocalJWKSet({ keys: published.map((entries) => Object.fromEntries(entries) as JWK & { kty: string }) })
}

/** Whatever waits to sign does so, so that each round begins alike. */
async function finishWaiting(node: LiveKeyring, clock: MovableClock): Promise<void> {
  while (keyIds(node.current(), 'next').length > 0) {
    clock.moveSeconds(OVERLAP_SECONDS)
    await node.advance()
  }
}

/** Publishes successors, and lets the time come at which they may sign. */
async function makeDue(node: LiveKeyring, clock: MovableClock): Promise<void> {
  await node.rotate(undefined)
  clock.moveSeconds(OVERLAP_SECONDS)
}

async function killed(child: ChildProcess): Promise<void> {
  let said = ''
  child.stdout?.on('data', (text) => (said += text))
  child.stderr?.on('data', (text) => (said += text))
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (signal !== 'SIGKILL') throw new Error(`the node was to die at a write, and ended otherwise:\n${said}`)
}
