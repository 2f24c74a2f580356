/** `grantor keys verify`, against real servers: one that has the same ring, and ones that do not. */

import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { aCertificate } from '../resource/certificates.ts'
import { movableClock } from '../support/movable-clock.ts'
import { freePort, type Running, start } from '../support/start.ts'
import { aTerminal, type TestTerminal } from './a-terminal.ts'

describe('grantor keys verify', () => {
  it('finds the ring whole, and that the server publishes it, after a rotation too', async () => {
    const { app, terminal } = await aServer()

    const first = await terminal.run('keys verify')
    await app.nodes[0]?.keyring.rotate(undefined)
    const second = await terminal.run('keys verify --json')

    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toMatch(
      /^The ring is whole: version 1, 3 keys, sealed under root key \S+\. The server publishes exactly these keys\.$/,
    )
    expect(second.code).toBe(0)
    expect(JSON.parse(second.out)).toMatchObject({ ok: true, version: 2, asked: true, problems: [] })
  })

  it('says so when no server answers, which is no problem unless one was named', async () => {
    const port = await freePort()
    const terminal = await aTerminal({ PORT: String(port) })

    expect((await terminal.run('keys verify')).out).toContain(
      `No server answers at http://localhost:${port}, so what it publishes was not compared.`,
    )
    expect(await terminal.run(`keys verify --issuer http://localhost:${port}`)).toEqual({
      code: 1,
      out: '',
      err: `http://localhost:${port} does not answer with its metadata at /.well-known/openid-configuration: nothing listens there.`,
    })
  })

  it('ends with 1 when a server is there that cannot be trusted or understood, though none was named', async () => {
    const plain = new URL(await anIssuer([]))
    const certified = await anIssuerWithUntrustedCertificate()
    const reasons = {
      [`https://localhost:${plain.port}`]: /: ERR_SSL_\w+\.$/,
      [certified]:
        /: its certificate is not trusted here \(\w+\); NODE_EXTRA_CA_CERTS names the file of a further certificate authority\.$/,
    }

    for (const [issuer, reason] of Object.entries(reasons)) {
      const terminal = await aTerminal({ ISSUER: issuer })
      expect(await terminal.run('keys verify')).toEqual({ code: 1, out: '', err: expect.stringMatching(reason) })
    }
  })

  it('tells a sentence for each key that a server lacks, and each that only it has', async () => {
    const { app } = await aServer()
    const stranger = await aTerminal()

    const { code, out, err } = await stranger.run(`keys verify --issuer ${app.issuer}`)

    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err.split('\n').map((line) => line.replace(/\S+…|: \S+\.$/, 'KEY'))).toEqual([
      ...['RS256', 'ES256', 'EdDSA'].map((alg) => `The server does not publish ${alg} KEY.`),
      ...Array(3).fill('The server publishes a key that the ring does not haveKEY'),
    ])
  })

  it('sees a key with other contents under the same name, and a private half', async () => {
    const { app, terminal } = await aServer()
    const { keys } = (await (await fetch(`${app.issuer}/jwks`)).json()) as { keys: Record<string, string>[] }
    const altered = keys.map((jwk) => (jwk.kty === 'RSA' ? { ...jwk, n: 'AQAB' } : { ...jwk, d: 'AQAB' }))
    const issuer = await anIssuer(altered)

    const { code, err } = await terminal.run(`keys verify --issuer ${issuer}`)

    expect(code).toBe(1)
    expect(err.split('\n')).toEqual([
      expect.stringMatching(/^The server publishes RS256 \S+… with other contents\.$/),
      expect.stringMatching(/^The server publishes the private half of \S+\.$/),
      expect.stringMatching(/^The server publishes the private half of \S+\.$/),
    ])
  })

  it('sees a key that is to sign before every cache must know it', async () => {
    const clock = movableClock()
    const terminal = await aTerminal({ PORT: String(await freePort()) }, clock)
    await terminal.run('keys rotate --alg ES256')
    await writeFile(join(terminal.folder, 'grantor.yaml'), 'keys: { jwks_max_age: 1h }')

    expect(await terminal.run('keys verify')).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^ES256 \S+… is to sign 6 min after it was published, but verifiers may keep a JWKS for 61 min: run grantor keys retire -- \S+, unless keys\.jwks_max_age was raised since\.$/,
      ),
    })
  })

  it('refuses with another root key, in the sentence that names the canary', async () => {
    const { app } = await aServer()
    const wrong = await aTerminal({
      DATA_DIR: app.dataDir,
      GRANTOR_ROOT_KEY: 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA',
    })

    expect(await wrong.run('keys verify')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^The canary in the store was sealed under another root key: /),
    })
  })
})

async function aServer(): Promise<{ app: Running; terminal: TestTerminal }> {
  const app = await start()
  onTestFinished(() => app.close())
  const env = { DATA_DIR: app.dataDir, GRANTOR_KEYS_DIR: join(app.dataDir, 'keys'), PORT: new URL(app.issuer).port }
  return { app, terminal: await aTerminal(env, Date.now) }
}

/** An issuer that publishes these keys. */
async function anIssuer(keys: readonly object[]): Promise<string> {
  const server = createServer((req, res) => {
    res.end(JSON.stringify(req.url === '/jwks' ? { keys } : { issuer, jwks_uri: `${issuer}/jwks` }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return issuer
}

async function anIssuerWithUntrustedCertificate(): Promise<string> {
  const server = createTlsServer({ ...aCertificate('127.0.0.1') }, (_, res) => res.end('{}'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}
