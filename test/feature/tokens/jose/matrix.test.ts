/**
 * One table of attacks on JWTs, and every place that takes one.
 *
 * A row that is refused proves little where a good token would be refused too, so each slot is shown good ones first.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { listEngineRoutes } from '../../../support/routes.ts'
import * as resource from '../../../../src/resource/index.ts'
import { serve, type SigningKey, stop } from '../../../resource/issuer.ts'
import { confusedSecrets, unsignedTokens, wrongAlgorithms } from './algorithms.ts'
import { BOMB_MS, encryptedTokens } from './bombs.ts'
import { broughtKeys, confusedTypes, injectedKids, unknownExtensions } from './headers.ts'
import { startProofFixture, PROOF_SLOTS, type ProofSlot, type ProofFixture } from './proof-slots.ts'
import { malformedProofs, sameAddresses } from './proofs.ts'
import { SERVER_SLOTS, WITHOUT_JWT } from './server-slots.ts'
import { ambiguousShapes, goodShapes } from './shapes.ts'
import { brokenSignatures } from './signatures.ts'
import { type Attack, mintFor, type Row, type Slot } from './slot.ts'
import { startJoseFixture, type JoseFixture } from './jose-fixture.ts'
import { badTimes, tolerableTimes } from './times.ts'
import {
  MIDDLEWARE,
  startVerifierFixture,
  VERIFIER_SLOTS,
  type VerifierFixture,
  verifierSlot,
} from './verifier-slots.ts'
import { expectFigure } from '../../../support/figures.ts'

let fixture: JoseFixture
let api: VerifierFixture
let bound: ProofFixture
let trap: Awaited<ReturnType<typeof serve>>
let trapped = 0

beforeAll(async () => {
  fixture = await startJoseFixture()
  api = await startVerifierFixture()
  bound = await startProofFixture(fixture, api.at)
  trap = await serve((_req, res) => {
    trapped++
    res.end('{"keys":[]}')
  })
})
afterAll(async () => {
  await stop(trap.server)
  await Promise.all(bound.servers.map((server) => server.close()))
  await api.close()
  await fixture.app.close()
})

it('every route of the server is attacked, or takes no JWT', () => {
  const attacked = new Set(SERVER_SLOTS.map(({ route }) => route))
  const unknown = listEngineRoutes().filter(({ path }) => !attacked.has(path) && WITHOUT_JWT[path] === undefined)

  expect(unknown).toEqual([])
})

it('[S137] every middleware that we publish is attacked', () => {
  const published = Object.keys(resource).filter((name) => MIDDLEWARE.test(name))

  expect([...VERIFIER_SLOTS].sort()).toEqual([...published, 'verify()'].sort())
  expect(api.servers.map(({ name }) => name).sort()).toEqual(published.sort())
})

const SLOTS = [
  ...SERVER_SLOTS.map(({ name, open }) => ({ name, open: () => open(fixture) })),
  ...PROOF_SLOTS.map(({ name, open }) => ({ name, open: () => open(bound) })),
  ...VERIFIER_SLOTS.map((name) => ({ name, open: async () => verifierSlot(api, name) })),
]

describe.each(SLOTS)('[S137] $name', ({ open }) => {
  let attack: Attack
  beforeAll(async () => {
    attack = { slot: await open(), trap: trap.origin }
  })

  it('takes a good one, and every time another', async () => {
    await expectTaken(attack.slot, [...goodShapes(attack), ...goodShapes(attack)])
  })

  it('[S85] [S87] is without a signature refused, however that is spelled', () => refusesAll(unsignedTokens))

  it('[S76] [S86] is refused when a public key was its secret', () => refusesAll(confusedSecrets))

  it('[S86] [S87] is refused with another algorithm than that of its key', () => refusesAll(wrongAlgorithms))

  it('[S88] is refused with a kid that is none of ours, and nothing is looked up by it', () => refusesAll(injectedKids))

  it('[S77] is refused with a key that it brings, or points to', () => refusesAll(broughtKeys))

  it('[S89] is refused when it demands an extension', () => refusesAll(unknownExtensions))

  it('[S90] is refused when it is of another kind', () => refusesAll(confusedTypes))

  it('[S91] [S92] is refused at once when it is encrypted', async () => {
    for (const row of fitting(attack.slot, encryptedTokens(attack))) {
      const begun = performance.now()
      await expectRefused(attack.slot, [row])
      expectFigure(`ms for ${row.name}`, performance.now() - begun, BOMB_MS)
    }
  })

  it('[S92] is refused with a signature that only a careless verifier takes', () => refusesAll(brokenSignatures))

  it('[S93] is refused when it could be read in two ways', () => refusesAll(ambiguousShapes))

  it('[S94] is refused with a moment that is none, or more than 61 s off', () => refusesAll(badTimes))

  it('[S94] is taken from a clock that is 15 s off', async () => {
    await expectTaken(attack.slot, tolerableTimes(attack))
  })

  it('fetched nothing that a token named', () => {
    expect(trapped).toBe(0)
  })

  async function refusesAll(table: (attack: Attack) => Row[]): Promise<void> {
    const rows = table(attack)
    expect(rows.length).toBeGreaterThan(3)
    await expectRefused(attack.slot, fitting(attack.slot, rows))
  }
})

describe.each(PROOF_SLOTS)('$name', ({ open }) => {
  let slot: ProofSlot
  beforeAll(async () => {
    slot = await open(bound)
  })

  it('[S97] refuses a proof that is wrong in any one way', async () => {
    const rows = malformedProofs(slot)
    expect(rows.length).toBeGreaterThan(50)
    await expectRefused(slot, fitting(slot, rows))
  })

  it('[S97] takes a proof as old as it may be', async () => {
    const { oldestSeconds, times } = slot
    const [key] = slot.keys as [SigningKey]
    const token = mintFor(slot, key, { iat: times.now() - oldestSeconds + 2 })

    expect(await slot.put(token, key)).toMatchObject({ taken: true })
  })

  it('[S98] refuses a proof that was used', async () => {
    for (const key of slot.keys) {
      const proof = mintFor(slot, key)

      expect(await slot.put(proof, key)).toMatchObject({ taken: true })
      expect(await slot.put(proof, key)).toMatchObject({ taken: false })
    }
  })

  it('[S101] compares the address as an address: without query and fragment, the host in any case', async () => {
    await expectTaken(slot, sameAddresses(slot))
  })
})

async function expectRefused(slot: Slot, rows: readonly Row[]): Promise<void> {
  const wrong: string[] = []
  for (const { name, token, key } of rows) {
    const { taken, answer } = await slot.put(token, key)
    if (taken || !refusalsOf(slot, token).includes(answer)) wrong.push(`${name}: ${taken ? 'TAKEN, ' : ''}${answer}`)
  }
  expect(wrong).toEqual([])
}

async function expectTaken(slot: Slot, rows: readonly Row[]): Promise<void> {
  for (const { name, token, key } of rows) expect(await slot.put(token, key), name).toMatchObject({ taken: true })
}

const MOST_IN_A_HEADER = 15_000

/** A server reads 16 KB of headers, the request line among them. */
function refusalsOf({ refusals, carriedIn }: Slot, token: string): readonly string[] {
  const isRead = carriedIn === 'form' || carriedIn === 'call' || token.length < MOST_IN_A_HEADER
  return isRead ? refusals : [...refusals, '431', '431 undefined']
}

/** What can be sent there: a header ends at a line end, and white space around its value is not part of it. */
function fitting({ carriedIn }: Slot, rows: readonly Row[]): Row[] {
  if (carriedIn !== 'header') return [...rows]
  return rows.filter(({ token }) => /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/.test(token))
}
