import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createVerifier, type Verifier } from '../../src/resource/index.ts'
import { AUDIENCE, ecKey, mint, NOW, publicJwk, type StrangeIssuer, startIssuer } from './issuer.ts'

let at: StrangeIssuer
let verifier: Verifier
let now: number

beforeEach(async () => {
  at = await startIssuer()
  now = NOW
  verifier = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => now * 1000 })
})

afterEach(() => at.close())

const METADATA = '/.well-known/oauth-authorization-server'

describe('the keys of an issuer', () => {
  it('are fetched once for any number of requests', async () => {
    const tokens = Array.from({ length: 50 }, () => fresh(at.ec))

    await Promise.all(tokens.map((token) => verifier.verify(token)))

    expect(Object.fromEntries(at.asked)).toEqual({ [METADATA]: 1, '/jwks': 1 })
  })

  it('are fetched before the first request by prepare', async () => {
    await verifier.prepare()
    at.says.down = true

    await expect(verifier.verify(fresh(at.ec))).resolves.toBeDefined()
  })

  it('are asked for again when a token names a key that is not among them', async () => {
    await verifier.prepare()
    const added = ecKey('ec-2')
    at.says.keys = [...at.says.keys, await publicJwk(added)]
    now += 11

    await expect(verifier.verify(fresh(added))).resolves.toBeDefined()
  })

  it('are asked for at most once in a pause by a storm of unknown keys [S78] [S138]', async () => {
    const storm = () =>
      Promise.allSettled(Array.from({ length: 60 }, (_, i) => verifier.verify(fresh(at.ec, { kid: `k${now}-${i}` }))))
    await verifier.verify(fresh(at.ec))

    await storm()
    now += 11
    const outcomes = await storm()
    await storm()

    expect(at.asked.get('/jwks')).toBe(2)
    expect(outcomes.every((one) => one.status === 'rejected' && one.reason.code === 'token_invalid')).toBe(true)
  })

  it('go on working while the issuer is down, renewed in the background, for an hour [S138]', async () => {
    await verifier.prepare()
    at.says.down = true

    now = NOW + 3599
    await expect(verifier.verify(fresh(at.ec))).resolves.toBeDefined()
    now = NOW + 3600
    await expect(verifier.verify(fresh(at.ec))).rejects.toMatchObject({ code: 'verifier_unavailable', status: 503 })
  })

  it('are there again, without a restart, as soon as the issuer is', async () => {
    at.says.down = true
    await expect(verifier.verify(fresh(at.ec))).rejects.toMatchObject({ code: 'verifier_unavailable' })
    at.says.down = false
    now += 2

    await expect(verifier.verify(fresh(at.ec))).resolves.toBeDefined()
  })

  it('are not hammered for while the issuer is down', async () => {
    at.says.down = true

    for (let i = 0; i < 50; i++) await verifier.verify(fresh(at.ec)).catch(() => undefined)

    expect(at.asked.get(METADATA)).toBe(1)
  })

  it('make an unknown key "not now" and not "invalid" while the issuer cannot be asked', async () => {
    await verifier.prepare()
    at.says.down = true
    now += 11

    await expect(verifier.verify(fresh(ecKey('ec-9')))).rejects.toMatchObject({ code: 'verifier_unavailable' })
  })

  it('are forgotten when the issuer withdraws them', async () => {
    await verifier.prepare()
    at.says.keys = at.says.keys.filter((key) => key.kid !== 'ec-1')
    now += 601
    await verifier.verify(fresh(at.rsa))

    await expect.poll(() => verifier.verify(fresh(at.ec)).catch((error) => error.code)).toBe('token_invalid')
  })

  it('are kept for as long as the issuer says, within bounds', async () => {
    at.says.maxAge = 60
    await verifier.prepare()
    now += 59
    await verifier.verify(fresh(at.ec))
    expect(at.asked.get('/jwks')).toBe(1)
    now += 1
    await verifier.verify(fresh(at.ec))

    await expect.poll(() => at.asked.get('/jwks')).toBe(2)
  })

  it('are found again when they move', async () => {
    await verifier.prepare()
    at.answer = (req, res) => {
      if (req.url !== '/jwks') return false
      res.writeHead(404).end()
      return true
    }
    at.says.jwksUri = `${at.issuer}/keys`
    now += 11
    await expect(verifier.verify(fresh(ecKey('ec-9')))).rejects.toMatchObject({ code: 'verifier_unavailable' })
    at.answer = (req, res) => {
      if (req.url === '/keys') res.end(JSON.stringify({ keys: at.says.keys }))
      if (req.url === '/jwks') res.writeHead(404).end()
      return req.url !== METADATA
    }
    now += 3600

    await expect(verifier.verify(fresh(at.ec))).resolves.toBeDefined()
  })

  it('survive a clock that is set back', async () => {
    await verifier.prepare()
    now -= 86_400
    const added = ecKey('ec-2')
    at.says.keys = [...at.says.keys, await publicJwk(added)]

    await expect(verifier.verify(fresh(added))).resolves.toBeDefined()
  })
})

describe('the metadata of an issuer', () => {
  it('is refused when it names another issuer, by a single byte (RFC 8414 section 3.3) [S138]', async () => {
    for (const other of [
      `${at.issuer}/`,
      at.issuer.replace('http:', 'HTTP:'),
      at.issuer.replace('127.0.0.1', 'localhost'),
      '',
    ]) {
      at.says.issuer = other
      now += 2
      await expect(verifier.verify(fresh(at.ec)), other).rejects.toMatchObject({ code: 'verifier_unavailable' })
    }
    expect(at.asked.has('/jwks')).toBe(false)
  })

  it('stands between host and path of the issuer (RFC 8414 section 3.1)', async () => {
    at.says.issuer = `${at.issuer}/tenant`
    const own = createVerifier({ issuer: at.says.issuer, audience: AUDIENCE, clock: () => NOW * 1000 })

    await own.prepare()

    expect([...at.asked.keys()]).toEqual([`${METADATA}/tenant`, '/jwks'])
  })

  it.each(['http://login.evil.example/jwks', 'file:///etc/passwd', 'data:application/json,{}', '/jwks', ''])(
    'is refused when its keys are at %j',
    async (jwksUri) => {
      at.says.jwksUri = jwksUri

      await expect(verifier.prepare()).rejects.toMatchObject({ code: 'verifier_unavailable' })
    },
  )

  it.each([
    ['a redirect', (res: Res) => res.writeHead(302, { location: '/elsewhere' }).end()],
    ['an error page', (res: Res) => res.writeHead(200).end('<html>')],
    ['an array', (res: Res) => res.end('[]')],
    ['nothing', (res: Res) => res.end()],
    [
      'far too large',
      (res: Res) => res.end(JSON.stringify({ ...at.says, jwks_uri: at.says.jwksUri, x: ' '.repeat(300_000) })),
    ],
    ['a hang-up', (res: Res) => res.destroy()],
  ])('is refused when it is %s', async (_name, reply) => {
    at.answer = (req, res) => {
      if (req.url !== METADATA) return false
      reply(res)
      return true
    }

    await expect(verifier.prepare()).rejects.toMatchObject({ code: 'verifier_unavailable', status: 503 })
  })
})

type Res = Parameters<NonNullable<StrangeIssuer['answer']>>[1]

/** A token that is good at the present moment. */
function fresh(key: StrangeIssuer['ec'], header: Record<string, unknown> = {}): string {
  return mint(at.issuer, key, { iat: now, exp: now + 600 }, header)
}
