/** A key waits to sign for the verifiers that told us what they hold: two real ones, fetching from the real server. */

import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import type { LiveKeyring } from '../../../src/keyring/keyring.ts'
import { createVerifiers, verifierTtlSeconds } from '../../../src/keyring/verifiers.ts'
import { createVerifier, type Verifier } from '../../../src/resource/index.ts'
import { aTerminal } from '../../cli/a-terminal.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { type Running, start } from '../../support/start.ts'
import { within } from '../../support/figures.ts'

// A verifier asks again after 60 s; a new key may sign after 70 s; a verifier that stays away for 130 s is forgotten.
const RULES = { rotationSeconds: 86_400, maxAgeSeconds: 60, marginSeconds: 10 }

describe('verifier readiness', () => {
  it('is shown by keys list, verifier by verifier', async () => {
    const { app, clock, first, second } = await aServerWithTwoVerifiers()
    const terminal = await aTerminal(
      { DATA_DIR: app.dataDir, GRANTOR_KEYS_DIR: join(app.dataDir, 'keys'), PORT: new URL(app.issuer).port },
      clock,
    )
    await publishNext(app)
    clock.moveSeconds(61)

    expect((await terminal.run('keys list')).out).toMatch(/ES256 +next .* 0 of 2 verifiers hold it$/m)
    await fetchAgain(first, app, 1)
    expect((await terminal.run('keys list')).out).toMatch(/ES256 +next .* 1 of 2 verifiers hold it$/m)
    await fetchAgain(second, app, 2)
    expect((await terminal.run('keys list')).out).toMatch(/ES256 +next .* 2 of 2 verifiers hold it$/m)
    const keys = JSON.parse((await terminal.run('keys list --json')).out)
    expect(keys.find(({ state }: { state: string }) => state === 'next').verifiers).toEqual({ known: 2, holding: 2 })
  })

  it('keeps a key from signing until the last verifier holds it, when told to wait', async () => {
    const { app, clock, first, second, keyring } = await aServerWithTwoVerifiers({ waitForVerifiersSeconds: 300 })
    const next = await publishNext(app)
    clock.moveSeconds(61)
    await fetchAgain(first, app, 1)

    clock.moveSeconds(10)
    await keyring.advance()
    expect(signing(keyring)).not.toBe(next)

    await fetchAgain(second, app, 2)
    await keyring.advance()
    expect(signing(keyring)).toBe(next)
  })

  it('waits no longer than it was told to', async () => {
    const { app, clock, first, keyring } = await aServerWithTwoVerifiers({ waitForVerifiersSeconds: 30 })
    const next = await publishNext(app)
    clock.moveSeconds(61)
    await fetchAgain(first, app, 1)

    clock.moveSeconds(38)
    await keyring.advance()
    expect(signing(keyring)).not.toBe(next)

    clock.moveSeconds(1)
    await keyring.advance()
    expect(signing(keyring)).toBe(next)
  })

  it('does not wait for a verifier that has gone', async () => {
    const { app, clock, first, keyring } = await aServerWithTwoVerifiers({ waitForVerifiersSeconds: 3600 })
    const next = await publishNext(app)
    clock.moveSeconds(61)
    await fetchAgain(first, app, 1)

    clock.moveSeconds(70)
    await keyring.advance()

    expect(signing(keyring)).toBe(next)
  })

  it('does not wait for a key of another algorithm that was published meanwhile', async () => {
    const { app, clock, first, second, keyring } = await aServerWithTwoVerifiers({ waitForVerifiersSeconds: 3600 })
    const next = await publishNext(app)
    clock.moveSeconds(61)
    await fetchAgain(first, app, 1)
    await fetchAgain(second, app, 2)
    await keyring.rotate('EdDSA')

    clock.moveSeconds(10)
    await keyring.advance()

    expect(signing(keyring)).toBe(next)
  })

  it('waits for no verifier unless it is configured to', async () => {
    const { app, clock, keyring } = await aServerWithTwoVerifiers()
    const next = await publishNext(app)

    clock.moveSeconds(70)
    await keyring.advance()

    expect(signing(keyring)).toBe(next)
  })
})

async function aServerWithTwoVerifiers({ waitForVerifiersSeconds = 0 } = {}) {
  const clock = movableClock()
  const app = await start({ clock, config: { keys: { ...RULES, waitForVerifiersSeconds } } })
  onTestFinished(() => app.close())
  const [first, second] = [aVerifier(app, clock), aVerifier(app, clock)]
  await Promise.all([first.prepare(), second.prepare()])
  return { app, clock, first, second, keyring: keyringOf(app) }
}

function aVerifier({ issuer }: Running, clock: () => number): Verifier {
  return createVerifier({ issuer, audience: 'https://orders.example', clock })
}

/** Publishes a successor for ES256, and gives its name once the server serves it. */
async function publishNext(app: Running): Promise<string> {
  const { keyring } = await keyringOf(app).rotate('ES256')
  const next = keyring.keys.find(({ state }) => state === 'next')?.keyId ?? ''
  await vi.waitFor(async () => expect(await (await fetch(`${app.issuer}/jwks`)).text()).toContain(next), WITHIN)
  return next
}

/** A verifier renews in the background what has gone stale; resolves when so many hold the newest key. */
async function fetchAgain(verifier: Verifier, app: Running, holding: number): Promise<void> {
  const { publishedIn } =
    keyringOf(app)
      .current()
      .keys.find(({ state }) => state === 'next') ?? {}
  await verifier.prepare()
  await vi.waitFor(async () => expect(await countHolding(app, publishedIn ?? 0)).toBe(holding), WITHIN)
}

async function countHolding({ nodes, config }: Running, version: number): Promise<number> {
  const [node] = nodes
  if (node === undefined) throw new TypeError('no node')
  const ttlSeconds = verifierTtlSeconds(config.keys)
  return (await createVerifiers({ store: node.store, clock: Date.now, ttlSeconds }).holding(version)).holding
}

function keyringOf({ nodes }: Running): LiveKeyring {
  const [node] = nodes
  if (node === undefined) throw new TypeError('no node')
  return node.keyring
}

function signing(keyring: LiveKeyring): string | undefined {
  return keyring.current().keys.find(({ state, algorithm }) => state === 'signing' && algorithm === 'ES256')?.keyId
}

const WITHIN = within(5000, 50)
