import { request } from 'node:http'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { answerTo, createVerifier, TokenInvalid } from '../../src/resource/index.ts'
import { MIDDLEWARE, type GuardedServer, startGuardedServers } from './guarded-servers.ts'
import { AUDIENCE, mint, NOW, type StrangeIssuer, startIssuer } from './issuer.ts'

let at: StrangeIssuer
let servers: GuardedServer[]
let deadEnds: GuardedServer[]

beforeAll(async () => {
  at = await startIssuer()
  const clock = () => NOW * 1000
  servers = await startGuardedServers(createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock }))
  const fetch = () => Promise.reject(new Error('no route'))
  deadEnds = await startGuardedServers(
    createVerifier({ issuer: 'https://login.example', audience: AUDIENCE, clock, fetch }),
  )
})

afterAll(() => Promise.all([...servers, ...deadEnds, at].map((open) => open.close())))

describe.each(MIDDLEWARE)('%s', (name) => {
  const at = () => String(servers.find((server) => server.name === name)?.origin)
  const bare = `Bearer realm="${AUDIENCE}", scope="orders:read"`

  it('asks for a token without an error code when none was sent (RFC 6750 section 3.1)', async () => {
    for (const authorization of [undefined, 'Basic YTpi', 'DPoP abc', 'Bearer', 'Bearer ', 'Bearerabc', '']) {
      const response = await ask(at(), authorization)

      expect(response.status, authorization).toBe(401)
      expect(response.headers.get('www-authenticate'), authorization).toBe(bare)
      expect(await response.json()).toMatchObject({ code: 'token_missing', status: 401, title: 'Unauthorized' })
    }
  })

  it('reads no token from the form body (RFC 6750 section 2.2 is not offered)', async () => {
    const response = await fetch(at(), { method: 'POST', body: new URLSearchParams({ access_token: good() }) })

    expect([401, 404]).toContain(response.status)
  })

  it('refuses a token in the query, alone or with the header (RFC 6750 section 2, RFC 9700 section 4.3.2)', async () => {
    for (const authorization of [undefined, `Bearer ${good()}`]) {
      const response = await ask(`${at()}/?access_token=${good()}`, authorization)

      expect(response.status).toBe(400)
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_request"')
      expect(await response.json()).toMatchObject({ code: 'token_misplaced' })
    }
  })

  it('refuses two Authorization headers, even when one is good', async () => {
    expect(await statusOfTwo(at(), `Bearer ${good()}`, 'Bearer other')).toBe(400)
  })

  it('takes the scheme in any case, and refuses what cannot be a token', async () => {
    expect((await ask(at(), `bEARER   ${good()}`)).status).toBe(200)
    for (const text of ['a b', `${good()} x`, 'a,b', '"a"', 'é']) {
      const response = await ask(at(), `Bearer ${text}`)
      expect(response.status, text).toBe(401)
      expect(response.headers.get('www-authenticate'), text).toContain('error="invalid_token"')
    }
  })

  it('answers 403 insufficient_scope and names the scopes that are needed (RFC 6750 section 3.1)', async () => {
    const response = await ask(at(), `Bearer ${mint(atIssuer(), keyOf(), { scope: 'orders:write' })}`)

    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer realm="${AUDIENCE}", error="insufficient_scope", error_description="The access token does not allow this.", scope="orders:read"`,
    )
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'The access token does not allow this.',
      code: 'scope_insufficient',
    })
  })

  it('answers every refusal as problem+json that must not be cached (RFC 9457)', async () => {
    const response = await ask(at(), 'Bearer abc')

    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('answers 503 with Retry-After and no challenge when there are no keys', async () => {
    const origin = String(deadEnds.find((server) => server.name === name)?.origin)

    const response = await ask(origin, `Bearer ${mint('https://login.example', keyOf())}`)

    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('2')
    expect(response.headers.has('www-authenticate')).toBe(false)
    expect(await response.json()).toMatchObject({ code: 'verifier_unavailable' })
  })
})

describe('answerTo', () => {
  it('lets no realm break out of its quotes or its line', () => {
    const { headers } = answerTo(new TokenInvalid('No.'), { realm: 'a"b\\c\r\nX-Evil: 1' })

    expect(headers['WWW-Authenticate']).toBe(
      'Bearer realm="a\\"b\\\\cX-Evil: 1", error="invalid_token", error_description="No."',
    )
  })
})

function good(): string {
  return mint(at.issuer, at.ec)
}

function atIssuer(): string {
  return at.issuer
}

function keyOf() {
  return at.ec
}

function ask(url: string, authorization: string | undefined): Promise<Response> {
  return fetch(
    url,
    authorization === undefined ? {} : { headers: { authorization: Buffer.from(authorization).toString('latin1') } },
  )
}

/** `fetch` would join them; two header lines need node:http. */
function statusOfTwo(url: string, ...values: string[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { host } = new URL(url)
    const headers = ['Host', host, ...values.flatMap((value) => ['Authorization', value])]
    request(url, { headers }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
}
