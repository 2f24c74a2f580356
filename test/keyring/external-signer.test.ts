/** The bounds around any outside signer, and the line to one behind a socket. */

import { generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { createLog } from '../../src/audit/log.ts'
import { createAudit } from '../../src/audit/audit.ts'
import { SignerUnavailable } from '../../src/faults/keyring.ts'
import { ConfigInvalid } from '../../src/faults/start.ts'
import { openKeyring } from '../../src/keyring/keyring.ts'
import {
  type BoundSigner,
  boundSigner,
  type ExternalSigner,
} from '../../src/keyring/external-signer/external-signer.ts'
import { socketSigner } from '../../src/keyring/external-signer/socket.ts'
import { openKeys } from '../../src/samples/signing-process/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { openTestStore, openTestStores } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'

const log = createLog({ level: 'silent' })
const clock = movableClock()
const BOUNDS = { timeoutMs: 200, atOnce: 3, log }
const SIGN = { keyRef: 'k', algorithm: 'ES256', data: Buffer.from('said') } as const
const SCHEDULE = {
  rotationSeconds: 86_400,
  maxAgeSeconds: 300,
  marginSeconds: 60,
  longestTokenSeconds: 600,
  longestSessionSeconds: 3600,
  waitForVerifiersSeconds: 0,
}

/** A signer that does nothing but what a test says. */
function aSigner(does: Partial<ExternalSigner>): ExternalSigner {
  const refuse = async () => Promise.reject(new Error('not asked for'))
  return { createKey: refuse, sign: refuse, destroyKey: refuse, check: refuse, close: () => {}, ...does }
}

const never = () => new Promise<never>(() => {})

describe('a bound signer', () => {
  it('turns whatever the signer throws into one fault, and tells the reason to the log alone', async () => {
    const signer = boundSigner(aSigner({ sign: () => Promise.reject(new TypeError('slot 4 is locked')) }), BOUNDS)

    const failed = await signer.sign(SIGN).catch((error: unknown) => error)

    expect(failed).toBeInstanceOf(SignerUnavailable)
    expect(failed).toMatchObject({ status: 503, code: 'signer_unavailable', detail: 'slot 4 is locked' })
    expect((failed as Error).message).not.toContain('slot')
  })

  it('waits for no signature longer than the time-out, and tells the signer to stop', async () => {
    let told: AbortSignal | undefined
    const signer = boundSigner(
      aSigner({
        sign: (_request, signal) => {
          told = signal
          return never()
        },
      }),
      BOUNDS,
    )

    await expect(signer.sign(SIGN)).rejects.toMatchObject({ detail: 'it did not answer within 200 ms' })

    expect(told?.aborted).toBe(true)
  })

  it('has so many signatures under way and refuses the next at once', async () => {
    const ends: ((signature: Uint8Array) => void)[] = []
    const signer = boundSigner(aSigner({ sign: () => new Promise((resolve) => ends.push(resolve)) }), BOUNDS)
    const underWay = [signer.sign(SIGN), signer.sign(SIGN), signer.sign(SIGN)]

    await expect(signer.sign(SIGN)).rejects.toMatchObject({ detail: '3 signatures are under way' })
    for (const end of ends) end(Buffer.from('signature'))
    await Promise.all(underWay)
    const next = signer.sign(SIGN)
    ends.at(-1)?.(Buffer.from('signature'))

    expect(Buffer.from(await next).toString()).toBe('signature')
  })

  it.each([
    ['in DER', (key: Parameters<typeof sign>[2], data: Uint8Array) => sign('sha256', data, key)],
    ['over another hash', (key, data) => sign('sha512', data, { key: key as never, dsaEncoding: 'ieee-p1363' })],
  ] as [string, (key: Parameters<typeof sign>[2], data: Uint8Array) => Uint8Array][])(
    'publishes no key of a signer that signs %s',
    async (_name, form) => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const signer = boundSigner(
        aSigner({
          createKey: async () => ({ keyRef: 'k', publicJwk: publicKey.export({ format: 'jwk' }) as never }),
          sign: async ({ data }) => form(privateKey, data),
        }),
        BOUNDS,
      )

      await expect(signer.makeKey('ES256')).rejects.toMatchObject({ detail: expect.stringMatching(/do not verify/) })
    },
  )

  it('takes no key of a signer that gives its private part away', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const publicJwk = privateKey.export({ format: 'jwk' }) as JsonWebKey
    const signer = boundSigner(
      aSigner({ createKey: async () => ({ keyRef: 'k', publicJwk: publicJwk as never }) }),
      BOUNDS,
    )

    const failed = (await signer.makeKey('EdDSA').catch((error: unknown) => error)) as SignerUnavailable

    expect(failed.detail).toBe('it gave away a private key (d)')
    expect(JSON.stringify(failed)).not.toContain(publicJwk.d)
  })
})

describe('the line to a signing process', () => {
  async function listening(answer: (socket: Socket, line: string) => void): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'grantor-line-'))
    const path = join(folder, 's.sock')
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}))
      let rest = ''
      socket.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) answer(socket, line)
      })
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    onTestFinished(async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await rm(folder, { recursive: true })
    })
    return path
  }

  const idOf = (line: string) => (JSON.parse(line) as { id: number }).id
  const base64url = (text: string) => Buffer.from(text).toString('base64url')

  it('gives each caller the answer to its own question, in whatever order and pieces they come', async () => {
    const asked: string[] = []
    const path = await listening((socket, line) => {
      asked.push(line)
      if (asked.length < 3) return
      const answers = asked
        .toReversed()
        .map((one) => JSON.stringify({ id: idOf(one), signature: (JSON.parse(one) as { data: string }).data }))
      const text = `${answers.join('\n')}\n`
      socket.write(text.slice(0, 25))
      setImmediate(() => socket.write(text.slice(25)))
    })
    const signer = boundSigner(socketSigner(path), BOUNDS)
    onTestFinished(() => signer.close())

    const texts = ['one', 'two', 'three']
    const signed = await Promise.all(texts.map((text) => signer.sign({ ...SIGN, data: Buffer.from(text) })))

    expect(signed.map((signature) => Buffer.from(signature).toString())).toEqual(texts)
  })

  it.each([
    ['nothing that is JSON', () => 'hello'],
    ['an answer to no request', () => '{"id":77,"signature":"AA"}'],
    ['an empty signature', (line: string) => JSON.stringify({ id: idOf(line), signature: '' })],
    ['a signature of another kind', (line: string) => JSON.stringify({ id: idOf(line), signature: 7 })],
    ['a refusal', (line: string) => JSON.stringify({ id: idOf(line), error: 'no such key' })],
    ['a line without end', () => 'x'.repeat(100_000)],
  ] as [string, (line: string) => string][])('takes %s for no signature', async (name, answer) => {
    const path = await listening((socket, line) => {
      socket.write(answer(line) + (name === 'a line without end' ? '' : '\n'))
    })
    const signer = boundSigner(socketSigner(path), BOUNDS)
    onTestFinished(() => signer.close())

    await expect(signer.sign(SIGN)).rejects.toThrow(SignerUnavailable)
  })

  it('is opened anew after it broke', async () => {
    let calls = 0
    const path = await listening((socket, line) => {
      calls += 1
      if (calls === 1) socket.destroy()
      else socket.write(`${JSON.stringify({ id: idOf(line), signature: base64url('signed') })}\n`)
    })
    const signer = boundSigner(socketSigner(path), BOUNDS)
    onTestFinished(() => signer.close())

    await expect(signer.sign(SIGN)).rejects.toThrow(SignerUnavailable)

    expect(Buffer.from(await signer.sign(SIGN)).toString()).toBe('signed')
  })
})

describe('a ring whose keys are held outside', () => {
  async function aKeyHolder(eddsaFails?: 'made' | 'signed') {
    const held = await openKeys()
    const destroyed: string[] = []
    const signer = boundSigner(
      {
        createKey: async (algorithm) => {
          if (algorithm === 'EdDSA' && eddsaFails === 'made') throw new TypeError('no such curve')
          const { keyRef, publicJwk } = await held.create(algorithm)
          return { keyRef, publicJwk: publicJwk as never }
        },
        sign: async ({ keyRef, algorithm, data }) => {
          const signature = await held.sign(keyRef, algorithm, data)
          return algorithm === 'EdDSA' && eddsaFails === 'signed' ? signature.toReversed() : signature
        },
        destroyKey: async (keyRef) => {
          await held.destroy(keyRef)
          destroyed.push(keyRef)
        },
        check: async () => {},
        close: () => {},
      },
      { ...BOUNDS, timeoutMs: 2000, atOnce: 100 },
    )
    return { held, signer, destroyed }
  }

  const rootKey = Buffer.alloc(32, 7)
  function open(store: Store, more: { signer?: BoundSigner; newKeysHere?: boolean } = {}) {
    const audit = createAudit({ store, clock, log })
    return openKeyring({
      endKey: async () => undefined,
      ...{ store, clock, audit, schedule: SCHEDULE, algorithms: [], ...more },
      rootKeys: async () => [rootKey],
    })
  }

  it('leaves one key for each algorithm at the signer, though four nodes start at once', async () => {
    const stores = await openTestStores(clock, 4)
    const { held, signer } = await aKeyHolder()

    const rings = await Promise.all(stores.map((store) => open(store, { signer })))

    expect(new Set(rings.map((ring) => JSON.stringify(ring.current().signingJwks))).size).toBe(1)
    await expect.poll(() => held.size()).toBe(3)
  })

  it('is not made where the signer is away: nothing is made here in its stead', async () => {
    const store = await openTestStore(clock)
    const signer = boundSigner(socketSigner(join(tmpdir(), 'nobody-listens-here.sock')), BOUNDS)

    await expect(open(store, { signer })).rejects.toThrow(SignerUnavailable)

    expect((await store.list('keyring')).keys).toEqual([])
  })

  it('leaves no key at the signer when one of several cannot be made, or signs in another form', async () => {
    const store = await openTestStore(clock)
    for (const [fails, made] of [
      ['made', 2],
      ['signed', 3],
    ] as const) {
      const { held, signer, destroyed } = await aKeyHolder(fails)

      await expect(open(store, { signer })).rejects.toThrow(SignerUnavailable)

      await expect.poll(() => destroyed.length).toBe(made)
      expect(held.size()).toBe(0)
    }
  })

  it('is not opened by a node that knows of no signer', async () => {
    const store = await openTestStore(clock)
    const { signer } = await aKeyHolder()
    await open(store, { signer })

    await expect(open(store)).rejects.toThrow(ConfigInvalid)
    await expect(open(store)).rejects.toThrow(/keys\.signer is missing: 3 keys/)
  })

  it('moves out of this process and back, one rotation each, with both kinds side by side meanwhile', async () => {
    const store = await openTestStore(clock)
    const { held, signer } = await aKeyHolder()
    const places = (ring: Awaited<ReturnType<typeof open>>) =>
      ring
        .current()
        .keys.filter(({ algorithm }) => algorithm === 'ES256')
        .map(({ state, heldExternally }) => `${state} ${heldExternally ? 'external' : 'here'}`)
    const turn = async (ring: Awaited<ReturnType<typeof open>>) => {
      await ring.rotate('ES256')
      clock.moveSeconds(361)
      await ring.advance()
    }

    const inside = await open(store)
    expect(places(inside)).toEqual(['signing here'])
    const external = await open(store, { signer })
    await turn(external)
    expect(places(external)).toEqual(['signing external', 'retired here'])
    const back = await open(store, { signer, newKeysHere: true })
    await turn(back)
    expect(places(back)).toEqual(['signing here', 'retired here', 'retired external'])

    clock.moveSeconds(700)
    await back.advance()
    expect(places(back)).toEqual(['signing here'])
    await expect.poll(() => held.size()).toBe(0)
    // Nothing of the ring is at the signer any more, so it is not needed.
    await open(store)
  })

  it('has a compromised key destroyed at once', async () => {
    const store = await openTestStore(clock)
    const { held, signer } = await aKeyHolder()
    const ring = await open(store, { signer })
    const { keyId } = ring.current().keys.find(({ algorithm }) => algorithm === 'ES256') ?? expect.fail()
    const { keyRef } = ring.current().signingJwks.find(({ kid }) => kid === keyId) as unknown as { keyRef: string }

    await ring.compromise(keyId)

    await expect.poll(() => held.sign(keyRef, 'ES256', SIGN.data).catch(String)).toContain('no such key')
    expect(held.size()).toBe(3)
  })
})
