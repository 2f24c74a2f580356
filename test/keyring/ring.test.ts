import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import {
  addAlgorithm,
  advance,
  emptyRing,
  nextKey,
  type Ring,
  removeCompromised,
  removeIdle,
  rotateNow,
  type Schedule,
  type Step,
  type StepParts,
  signingKey,
} from '../../src/keyring/ring/ring.ts'
import { MARGIN, RingModel } from './ring-model.ts'

const SCHEDULE: Schedule = {
  rotationSeconds: 10_000,
  maxAgeSeconds: 300,
  marginSeconds: 60,
  longestTokenSeconds: 3600,
  longestSessionSeconds: 20_000,
  waitForVerifiersSeconds: 0,
}
const EMPTY = emptyRing(
  { pairwiseSalt: 'salt', csrfKey: 'csrf', storeKey: 'store' },
  { secret: 'cookie', createdAt: 0 },
)

let made = 0
function parts(now: number, differs: Partial<Schedule> = {}, more: Partial<StepParts> = {}): StepParts {
  return {
    now,
    version: 1,
    schedule: { ...SCHEDULE, ...differs },
    makeKey: async (alg) => ({ kid: `key ${++made}`, alg, use: 'sig', kty: 'test' }),
    makeSecret: () => `secret ${++made}`,
    chance: 0.5,
    ...more,
  }
}

async function aRing(): Promise<Ring> {
  return (await addAlgorithm(EMPTY, 'ES256', parts(0))).ring
}

function events({ changes }: Step): string[] {
  return changes.map(({ event }) => event.replace('keyring.', ''))
}

function states({ keys }: Ring): string[] {
  return keys.map(({ state }) => state)
}

describe('the life of a key', () => {
  it('is published, signs, is retired and goes, each in its time', async () => {
    const first = await aRing()

    expect(await advance(first, parts(9639))).toEqual({ ring: first, changes: [] })
    const published = await advance(first, parts(9640))
    expect(events(published)).toEqual(['key_published'])
    expect(nextKey(published.ring, 'ES256')).toMatchObject({ createdAt: 9640, signsFrom: 9640 + 300 + 60 })

    expect(events(await advance(published.ring, parts(9999)))).toEqual([])
    const turned = await advance(published.ring, parts(10_000))
    expect(events(turned)).toEqual(['cookie_key_rotated', 'key_retired', 'key_signing'])
    expect(states(turned.ring)).toEqual(['retired', 'signing'])

    expect(events(await advance(turned.ring, parts(10_000 + 3659)))).toEqual([])
    const gone = await advance(turned.ring, parts(10_000 + 3660))
    expect(events(gone)).toEqual(['key_removed'])
    expect(states(gone.ring)).toEqual(['signing'])
  })

  it('asks for nothing while nothing is due, so that nothing is written', async () => {
    const ring = await aRing()

    for (const now of [0, 1, 5000, 9639]) expect((await advance(ring, parts(now))).ring).toEqual(ring)
  })

  it('continues after a long stop where it was, with the whole overlap', async () => {
    const late = await advance(await aRing(), parts(1_000_000))

    expect(states(late.ring)).toEqual(['signing', 'next'])
    expect(nextKey(late.ring, 'ES256')?.signsFrom).toBe(1_000_360)
  })

  it('is longer or shorter by a twentieth, so that rings that were made together part', async () => {
    const rotatesAt = async (chance: number) =>
      signingKey((await addAlgorithm(EMPTY, 'ES256', parts(0, {}, { chance }))).ring, 'ES256').rotatesAt

    expect(await rotatesAt(0)).toBe(9500)
    expect(await rotatesAt(1)).toBe(10_500)
  })

  it('brought forward signs as soon as every cache must know it, and asking again does not put it off', async () => {
    const once = await rotateNow(await aRing(), 'ES256', parts(100))
    const twice = await rotateNow(once.ring, 'ES256', parts(300))

    expect(events(once)).toEqual(['key_published'])
    expect(twice).toEqual({ ring: once.ring, changes: [] })
    expect(events(await advance(twice.ring, parts(459)))).toEqual([])
    expect(events(await advance(twice.ring, parts(460)))).toEqual(['key_retired', 'key_signing'])
  })

  it('waits for verifiers that do not hold it, up to the limit', async () => {
    const { ring } = await rotateNow(await aRing(), 'ES256', parts(0))
    const waiting = (now: number, held: boolean) =>
      advance(ring, parts(now, { waitForVerifiersSeconds: 1000 }, { isHeld: () => held }))

    expect(events(await waiting(360, false))).toEqual([])
    expect(events(await waiting(360, true))).toContain('key_signing')
    expect(events(await waiting(1359, false))).toEqual([])
    expect(events(await waiting(1360, false))).toContain('key_signing')
  })
})

describe('a compromised key', () => {
  it('is gone at once, and the one that was to follow signs at once', async () => {
    const { ring } = await rotateNow(await aRing(), 'ES256', parts(100))
    const old = signingKey(ring, 'ES256').jwk.kid

    const step = await removeCompromised(ring, old, parts(101))

    expect(events(step)).toEqual(['key_compromised', 'key_signing'])
    expect(states(step.ring)).toEqual(['signing'])
    expect(signingKey(step.ring, 'ES256').jwk.kid).toBe(nextKey(ring, 'ES256')?.jwk.kid)
    expect(step.ring.compromised).toEqual([{ kid: old, at: 101 }])
  })

  it('has a new key in its place when none waits', async () => {
    const ring = await aRing()

    const step = await removeCompromised(ring, signingKey(ring, 'ES256').jwk.kid, parts(100))

    expect(states(step.ring)).toEqual(['signing'])
    expect(step.ring.keys[0]?.jwk.kid).not.toBe(ring.keys[0]?.jwk.kid)
  })

  it.each(['next', 'retired'] as const)('that is %s goes alone', async (state) => {
    const { ring: turning } = await rotateNow(await aRing(), 'ES256', parts(0))
    const { ring } = state === 'next' ? { ring: turning } : await advance(turning, parts(360))
    const { jwk } = ring.keys.find((key) => key.state === state) as Ring['keys'][number]

    const step = await removeCompromised(ring, jwk.kid, parts(361))

    expect(events(step)).toEqual(['key_compromised'])
    expect(states(step.ring)).toEqual(['signing'])
  })

  it('is remembered while one of its tokens could live, and no longer', async () => {
    const ring = await aRing()
    const step = await removeCompromised(ring, signingKey(ring, 'ES256').jwk.kid, parts(100))

    expect((await advance(step.ring, parts(100 + 3659))).ring.compromised).toHaveLength(1)
    expect((await advance(step.ring, parts(100 + 3660))).ring.compromised).toEqual([])
  })
})

describe('a mistake of the programmer', () => {
  it('is a TypeError: a key or an algorithm that is not there, a signing key taken for an idle one', async () => {
    const ring = await aRing()
    const { kid } = signingKey(ring, 'ES256').jwk

    await expect(removeCompromised(ring, 'other', parts(0))).rejects.toThrow(TypeError)
    await expect(rotateNow(ring, 'PS256', parts(0))).rejects.toThrow(TypeError)
    await expect(addAlgorithm(ring, 'ES256', parts(0))).rejects.toThrow(TypeError)
    expect(() => removeIdle(ring, 'other')).toThrow(TypeError)
    expect(() => removeIdle(ring, kid)).toThrow(TypeError)
  })
})

const SHORT: Schedule = {
  rotationSeconds: 60,
  maxAgeSeconds: 10,
  marginSeconds: MARGIN,
  longestTokenSeconds: 20,
  longestSessionSeconds: 100,
  waitForVerifiersSeconds: 0,
}

describe('a schedule that changes', () => {
  it.each([
    ['shortened before the first rotation', [{ maxAgeSeconds: 50 }, { maxAgeSeconds: 2 }]],
    [
      'lengthened for a while between two rotations',
      [{ maxAgeSeconds: 2 }, { maxAgeSeconds: 50 }, { maxAgeSeconds: 2 }],
    ],
    ['shortened twice', [{ maxAgeSeconds: 50 }, { maxAgeSeconds: 30 }, { maxAgeSeconds: 2 }]],
  ])('leaves no cache without the key that signs when max-age is %s', async (_, changes) => {
    const model = new RingModel([{ ...SHORT, ...changes[0] }])
    await model.start(['RS256', 'ES256', 'EdDSA'])
    for (const change of changes) {
      await model.restart(0, { ...SHORT, ...change })
      await model.pass(3)
    }

    for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) await model.rotate(0, algorithm)
    const before = model.signing('EdDSA')
    await model.pass(100)

    expect(model.signing('EdDSA')).not.toBe(before)
  })

  it('leaves no cache without it when max-age is lengthened after the key was published', async () => {
    const model = new RingModel([SHORT])
    await model.start(['ES256'])
    await model.rotate(0, 'ES256')
    const before = model.signing('ES256')

    await model.restart(0, { ...SHORT, maxAgeSeconds: 500 })
    await model.pass(15)

    expect(model.signing('ES256')).not.toBe(before)
  })

  it('keeps a key for the tokens of the server that lets them live longest', async () => {
    const model = new RingModel([SHORT, { ...SHORT, longestTokenSeconds: 300 }])
    await model.start(['ES256'])

    await model.pass(400)

    expect(model.happened.get('keyring.key_retired')).toBeGreaterThan(3)
  })

  it('keeps a cookie key for the sessions that were begun when they were longer', async () => {
    const model = new RingModel([{ ...SHORT, longestSessionSeconds: 500 }])
    await model.start(['ES256'])
    await model.restart(0, { ...SHORT, longestSessionSeconds: 20 })

    await model.rotateCookieKey(0)
    await model.pass(1200)

    expect(model.ring.cookieKeys.length).toBeLessThan(3)
  })
})

describe('[S95] whatever happens in whatever order', () => {
  const schedule = fc.record({
    rotationSeconds: fc.integer({ min: 15, max: 90 }),
    maxAgeSeconds: fc.integer({ min: 1, max: 40 }),
    marginSeconds: fc.constant(MARGIN),
    longestTokenSeconds: fc.integer({ min: 1, max: 80 }),
    longestSessionSeconds: fc.integer({ min: 1, max: 120 }),
    waitForVerifiersSeconds: fc.constant(0),
  })
  const algorithm = fc.constantFrom('RS256', 'PS256', 'ES256', 'EdDSA')
  const server = fc.integer({ min: 0, max: 1 })
  const which = fc.nat(20)
  const deed: fc.Arbitrary<Deed> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.integer({ min: 1, max: 60 }).map((seconds) => told(`pass ${seconds}`, (w) => w.pass(seconds))),
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 1, max: 200 }).map((seconds) => told(`sleep ${seconds}`, (w) => w.sleep(seconds))),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(server, schedule)
        .map(([s, to]) => told(`restart ${s} with ${JSON.stringify(to)}`, (w) => w.restart(s, to))),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(server, algorithm).map(([s, alg]) => told(`rotate ${alg} by ${s}`, (w) => w.rotate(s, alg))),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(server, which).map(([s, n]) => told(`compromise ${n} by ${s}`, (w) => w.compromise(s, n))),
    },
    { weight: 1, arbitrary: which.map((n) => told(`retire ${n}`, (w) => w.retire(n))) },
    { weight: 1, arbitrary: algorithm.map((alg) => told(`add ${alg}`, (w) => w.add(alg))) },
    { weight: 1, arbitrary: server.map((s) => told(`rotate the cookie key by ${s}`, (w) => w.rotateCookieKey(s))) },
  )

  it('one key of an algorithm signs, every cache knows it, no token outlives its key, and the secrets stay', async () => {
    const happened = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(schedule, schedule),
        fc.array(deed, { minLength: 5, maxLength: 25 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }),
        async (schedules, deeds, chances) => {
          let drawn = 0
          const model = new RingModel(schedules, () => chances[drawn++ % chances.length] as number)
          await model.start(['RS256', 'ES256'])
          for (const one of deeds) await one(model)
          for (const [event, count] of model.happened) happened.set(event, (happened.get(event) ?? 0) + count)
        },
      ),
      { numRuns: 100 },
    )

    // Everything that can happen did, many times.
    for (const [event, count] of happened) expect(count, event).toBeGreaterThan(20)
    expect(happened.size).toBe(6)
  })
})

type Deed = (model: RingModel) => Promise<void>

/** So that a failing run can be read. */
function told(text: string, deed: Deed): Deed {
  return Object.assign(deed, { toString: () => text, [fc.toStringMethod]: () => text })
}
