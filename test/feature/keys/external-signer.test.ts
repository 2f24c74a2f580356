/** The real server, and the sample's signing process that holds every private key. */

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { obtainRootKeys } from '../../../src/keyring/root-key.ts'
import { openRing } from '../../../src/keyring/ring/sealed-ring.ts'
import type { KeyAlgorithm } from '../../../src/keyring/signing-key.ts'
import { keys } from '../../../src/store/keys.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { type SigningProcess, startSigningProcess } from '../../support/signing-process.ts'
import { type Running, start } from '../../support/start.ts'
import { callEndpoint, createUserAgent, newPkce, redeem, refresh, signIn } from '../../support/user-agent.ts'
import { expectFigure } from '../../support/figures.ts'

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
const TIMEOUT_MS = 2000
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'priv']
/** One API for each algorithm, so that each has a key. */
const APIS = (['RS256', 'PS256', 'ES256', 'EdDSA', 'ML-DSA-65'] as const).map((algorithm) => ({
  audience: `https://${algorithm.toLowerCase()}.example`,
  algorithm,
}))

describe('a server whose keys an outside process holds', () => {
  // The engine reads the real clock, so ours begins there.
  const clock = movableClock(Date.now())
  const log: string[] = []
  let signer: SigningProcess
  let app: Running
  beforeAll(async () => {
    signer = await startSigningProcess()
    app = await startServer()
  })
  afterAll(async () => {
    await app?.close()
    await signer?.close()
  })

  function startServer(): Promise<Running> {
    const apis = Object.fromEntries(APIS.map(({ audience }) => [audience, ['test:read']]))
    return start({
      clock,
      onLog: (line) => log.push(line),
      apis: APIS,
      clients: [{ clientId: MACHINE.id, apis }],
      config: { signer: { socket: signer.socket, timeoutMs: TIMEOUT_MS, atOnce: 100, newKeys: true } },
    })
  }

  function machineToken(resource = 'https://es256.example') {
    return callEndpoint(
      `${app.issuer}/token`,
      { grant_type: 'client_credentials', resource, scope: 'test:read' },
      MACHINE,
    )
  }

  /** As an API does that knows nothing but the issuer. */
  function verifyAlone(token: string | undefined, audience: string) {
    const jwks = createRemoteJWKSet(new URL(`${app.issuer}/jwks`))
    return jwtVerify(token ?? '', jwks, { issuer: app.issuer, audience })
  }

  it.each(APIS)('issues $algorithm tokens that verify with the published keys', async ({ audience, algorithm }) => {
    const { status, body } = await machineToken(audience)

    expect(status, JSON.stringify(body)).toBe(200)
    const { protectedHeader } = await verifyAlone(body.access_token, audience)
    expect(protectedHeader).toMatchObject({ alg: algorithm, typ: 'at+jwt' })
    console.log(`${algorithm}: ${body.access_token?.length} bytes`)
  })

  it('signs people in, refreshes, and reads its own tokens', async () => {
    const pkce = newPkce()
    const callback = await signIn(createUserAgent(app), pkce, { scope: 'openid email orders:read' })
    const first = await redeem(app.issuer, callback.get('code') ?? '', pkce)
    const second = await refresh(app.issuer, first.body.refresh_token ?? '')

    await verifyAlone(first.body.id_token, 'demo-spa')
    await verifyAlone(second.body.access_token, 'https://orders.example')
    const authorization = `Bearer ${second.body.access_token}`
    const userinfo = await fetch(`${app.issuer}/userinfo`, { headers: { authorization } })
    expect(await userinfo.json()).toMatchObject({ email: 'alice@example.com' })
  })

  it('knows its own ID token again at logout', async () => {
    const pkce = newPkce()
    const agent = createUserAgent(app)
    const callback = await signIn(agent, pkce)
    const { body } = await redeem(app.issuer, callback.get('code') ?? '', pkce)

    const logout = await agent.get(`/logout?id_token_hint=${body.id_token}`)
    expect(logout.status).toBeLessThan(400)
    const altered = await agent.get(`/logout?id_token_hint=${body.id_token?.slice(0, -8)}AAAAAAAA`)

    expect(altered.status).toBe(400)
  })

  it('keeps no private signing key: neither in the ring nor anywhere in the store, nor in the log', async () => {
    const entry = await app.nodes[0]?.store.get(keys.keyring())
    const { ring } = openRing(entry?.value ?? '', await obtainRootKeys(app.config))
    const held = JSON.parse(await readFile(signer.keysFile, 'utf8')) as Record<string, { pem: string }>

    expect(ring.keys).toHaveLength(5)
    for (const { jwk } of ring.keys) {
      expect(Object.keys(jwk).filter((member) => PRIVATE_MEMBERS.includes(member))).toEqual([])
      expect(held).toHaveProperty((jwk as unknown as { keyRef: string }).keyRef)
    }
    const dump = Buffer.concat([...(await filesOf(app.dataDir)), Buffer.from(log.join('\n'))])
    expect(dump.includes('grant:{')).toBe(true)
    for (const { pem } of Object.values(held)) expect(dump.includes(pem.split('\n')[1] ?? '')).toBe(false)
    expect((await stat(signer.keysFile)).mode & 0o777).toBe(0o600)
    expect((await stat(signer.socket)).mode & 0o777).toBe(0o600)
  })

  it('publishes no name that the signer gave', async () => {
    const { keys: published } = (await (await fetch(`${app.issuer}/jwks`)).json()) as { keys: object[] }

    expect(published).toHaveLength(5)
    for (const jwk of published) {
      expect(Object.keys(jwk).filter((member) => [...PRIVATE_MEMBERS, 'keyRef'].includes(member))).toEqual([])
    }
  })

  it('makes the successor of a key outside, and has the old one destroyed when its last token has expired', async () => {
    const { keyring } = app.nodes[0] ?? expect.fail()
    const before = await machineToken()
    const oldKid = decodeProtectedHeader(before.body.access_token ?? '').kid ?? ''
    const heldBefore = await countExternalKeys()

    await keyring.rotate('ES256')
    expect(await countExternalKeys()).toBe(heldBefore + 1)
    clock.moveSeconds(app.config.keys.maxAgeSeconds + app.config.keys.marginSeconds + 1)
    await keyring.advance()
    await until(async () => decodeProtectedHeader((await machineToken()).body.access_token ?? '').kid !== oldKid)

    const { body } = await machineToken()
    await verifyAlone(body.access_token, 'https://es256.example')
    await verifyAlone(before.body.access_token, 'https://es256.example')
    clock.moveSeconds(24 * 3600 + 61)
    await keyring.advance()
    await until(async () => (await countExternalKeys()) === heldBefore)
    expect(keyring.current().keys.map(({ keyId }) => keyId)).not.toContain(oldKid)
  })

  it('makes no key at the signer when it only rehearses', async () => {
    const before = await countExternalKeys()

    const { changes } = (await app.nodes[0]?.keyring.rotate(undefined, { dryRun: true })) ?? expect.fail()

    expect(changes).toHaveLength(5)
    expect(await countExternalKeys()).toBe(before)
  })

  it('answers 503 while the signer is away, issues and spends nothing, and continues when it is back', async () => {
    const pkce = newPkce()
    const callback = await signIn(createUserAgent(app), pkce)
    const code = (await signIn(createUserAgent(app), pkce)).get('code') ?? ''
    const { body } = await redeem(app.issuer, callback.get('code') ?? '', pkce)
    const refreshToken = body.refresh_token ?? ''
    const said = log.length
    await signer.kill()
    onTestFinished(() => signer.restart())

    for (const answer of [
      await machineToken(),
      await redeem(app.issuer, code, pkce),
      await refresh(app.issuer, refreshToken),
      await machineToken(),
    ]) {
      expect(answer.status, JSON.stringify(answer.body)).toBe(503)
      expect(answer.body).toMatchObject({ error: 'temporarily_unavailable' })
      expect(answer.headers.get('retry-after')).toBe('2')
      expect(Object.keys(answer.body).filter((name) => name.endsWith('_token'))).toEqual([])
    }
    expect((await fetch(`${app.issuer}/jwks`)).status).toBe(200)
    expect((await fetch(`${app.issuer}/.well-known/openid-configuration`)).status).toBe(200)

    await signer.restart()
    expect((await machineToken()).status).toBe(200)
    expect((await redeem(app.issuer, code, pkce)).status).toBe(200)
    expect((await refresh(app.issuer, refreshToken)).status).toBe(200)
    const news = log.slice(said).filter((line) => line.includes('"signer_'))
    expect(news.map((line) => (JSON.parse(line) as { event: unknown }).event)).toEqual([
      'signer_unavailable',
      'signer_available',
    ])
  })

  it('waits for a signer that hangs no longer than the time-out, and then asks a new one', async () => {
    await machineToken()
    signer.pause()
    const began = performance.now()
    const hung = await Promise.all([machineToken(), machineToken(), machineToken()])
    const tookMs = performance.now() - began
    signer.resume()

    expect(hung.map(({ status }) => status)).toEqual([503, 503, 503])
    expectFigure('ms that a hanging signer takes', tookMs, 2 * TIMEOUT_MS)
    await until(async () => (await machineToken()).status === 200)
  })

  it('says how fast it signs', async () => {
    for (const { audience, algorithm } of APIS) console.log(await rate(algorithm, () => machineToken(audience)))
  })

  async function countExternalKeys(): Promise<number> {
    return Object.keys(JSON.parse(await readFile(signer.keysFile, 'utf8')) as object).length
  }
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('it did not come about')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const ASKED = 50
const AT_ONCE = 8

/** A figure, not a promise: the machine has other things to do. */
async function rate(algorithm: KeyAlgorithm, ask: () => Promise<{ readonly status: number }>): Promise<string> {
  const began = performance.now()
  let [left, given] = [ASKED, 0]
  const asking = Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      const { status } = await ask()
      if (status === 200) given += 1
    }
  })
  await Promise.all(asking)
  const seconds = (performance.now() - began) / 1000
  return `${algorithm}: ${Math.round(given / seconds)} tokens/s through the socket (${given} of ${ASKED} given)`
}

async function filesOf(folder: string): Promise<Buffer[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name.startsWith('grantor.db'))
  return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name))))
}
