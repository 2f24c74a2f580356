import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { calculateJwkThumbprint, createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import { createVerifier, type Verifier } from '../../src/resource/index.ts'
import { BAD_TOKENS, type Issuer, startIssuer } from '../../src/testing/testing.ts'
import { within } from '../support/figures.ts'

const AUDIENCE = 'https://orders.example'
const USER = fileURLToPath(new URL('process-of-a-user.ts', import.meta.url))

let issuer: Issuer
let verifier: Verifier

beforeAll(async () => {
  issuer = await startIssuer({ audience: AUDIENCE })
  const { clock, revocations } = issuer
  verifier = createVerifier({ issuer: issuer.issuer, audience: AUDIENCE, clock, revocations })
  await verifier.prepare()
})
afterAll(async () => {
  await verifier.close()
  await issuer.close()
})

describe('a good token of grantor/testing', () => {
  it.each(['RS256', 'ES256', 'EdDSA'] as const)('is accepted when signed with %s', async (algorithm) => {
    const token = await issuer.mint({ algorithm, scopes: ['orders:read', 'orders:write'] })

    expect(await verifier.verify(token, { scopes: ['orders:read'] })).toMatchObject({
      issuer: issuer.issuer,
      audience: [AUDIENCE],
      subject: 'person-1',
      clientId: 'app-1',
      scopes: ['orders:read', 'orders:write'],
    })
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'at+jwt', alg: algorithm })
    await expect(byAStranger(token)).resolves.toBeDefined()
  })

  it('has the claims that the server gives, and the requested ones', async () => {
    const [real, ours] = [await tokenOfTheServer(), await issuer.mint({ subject: 'm', clientId: 'm', scopes: ['s'] })]
    const wished = { grantId: 'g', sessionId: 's', acr: 'mfa', authTime: 5, claims: { jti: 'j', more: 1, scope: 'x' } }

    expect(Object.keys(decodeJwt(ours)).sort()).toEqual(Object.keys(decodeJwt(real)).sort())
    expect(Object.keys(decodeProtectedHeader(ours)).sort()).toEqual(Object.keys(decodeProtectedHeader(real)).sort())
    expect(decodeJwt(await issuer.mint({ ...wished, lifetimeSeconds: 5 }))).toMatchObject({
      ...{ gid: 'g', sid: 's', acr: 'mfa', auth_time: 5, jti: 'j', more: 1, scope: 'x' },
    })
    expect(decodeJwt(await issuer.mint({ claims: { client_id: undefined } }))).not.toHaveProperty('client_id')
  })

  it('is refused for a scope that it lacks', async () => {
    const refused = verifier.verify(await issuer.mint(), { scopes: ['orders:read'] })

    await expect(refused).rejects.toMatchObject({ code: 'scope_insufficient' })
  })
})

describe('a bad token of grantor/testing', () => {
  it.each(BAD_TOKENS)('is refused when it is %s', async (kind) => {
    const token = await issuer.mintBad(kind, { scopes: ['orders:read'] })

    await untilRefused(token)
    if (kind === 'revoked') await expect(byAStranger(token)).resolves.toBeDefined()
    else await expect(byAStranger(token)).rejects.toThrow()
  })

  it('is wrong in nothing else: with its fault corrected it is accepted', async () => {
    const exp = Math.floor(issuer.clock() / 1000) + 60
    const claims = { iss: issuer.issuer, aud: AUDIENCE, exp, iat: 1, nbf: 1 }

    for (const kind of ['expired', 'not_yet_valid', 'wrong_audience', 'wrong_issuer'] as const) {
      const payload = decodeJwt(await issuer.mintBad(kind))
      await expect(verifier.verify(await issuer.mint({ claims: { ...payload, ...claims } }))).resolves.toBeDefined()
    }
  })

  it('has to be of a kind that there is', async () => {
    await expect(issuer.mintBad('constructor' as 'expired')).rejects.toThrow(TypeError)
  })
})

describe('revoking with grantor/testing', () => {
  it.each([
    ['a grant', { grantId: 'g-1' }],
    ['a session', { sessionId: 's-1' }],
    ['a client', { clientId: 'c-1' }],
  ] as const)('ends what came from %s, and nothing else', async (_name, ended) => {
    const [token, other] = [await issuer.mint(ended), await issuer.mint()]
    await verifier.verify(token)

    await issuer.revoke(ended)

    await untilRefused(token)
    await expect(verifier.verify(other)).resolves.toBeDefined()
  })

  it('ends what a key signed', async () => {
    const own = await startIssuer({ audience: AUDIENCE })
    onTestFinished(() => own.close())
    const follower = createVerifier({ issuer: own.issuer, audience: AUDIENCE, revocations: own.revocations })
    onTestFinished(() => follower.close())
    const [token, other] = [await own.mint({ algorithm: 'EdDSA' }), await own.mint({ algorithm: 'ES256' })]
    await follower.verify(token)

    await own.revoke({ keyId: decodeProtectedHeader(token).kid ?? '' })

    await untilRefused(token, follower)
    await expect(follower.verify(other)).resolves.toBeDefined()
  })
})

describe('the clock of grantor/testing', () => {
  it('lets a token expire for the API that is handed it', async () => {
    const own = await startIssuer({ audience: AUDIENCE })
    onTestFinished(() => own.close())
    const ageing = createVerifier({ issuer: own.issuer, audience: AUDIENCE, clock: own.clock })
    const token = await own.mint({ lifetimeSeconds: 60 })
    await ageing.verify(token)

    own.clock.moveSeconds(60 + 15)

    await expect(ageing.verify(token)).rejects.toMatchObject({ code: 'token_expired' })
    await expect(ageing.verify(await own.mint())).resolves.toBeDefined()
    expect(() => own.clock.moveSeconds(-1)).toThrow(TypeError)
  })
})

describe('the clock of an issuer of grantor/testing', () => {
  it('[B14] dates what the server issues: a fresh token is good after it was moved', async () => {
    const client = {
      ...{ client_id: 'm', client_secret: 'for-this-test-only', grant_types: ['client_credentials'] },
      apis: { [AUDIENCE]: ['orders:read'] },
    }
    const api = { audience: AUDIENCE, name: 'Orders', scopes: { 'orders:read': 'See your orders' } }
    const own = await startIssuer({ settings: { clients: [client], apis: [api] } })
    onTestFinished(() => own.close())
    const { clock, revocations } = own
    own.clock.moveSeconds(3600)
    const judge = createVerifier({ issuer: own.issuer, audience: AUDIENCE, clock, revocations })
    onTestFinished(() => judge.close())

    const token = await askForToken(own, { clientId: 'm', clientSecret: 'for-this-test-only' }, AUDIENCE, 'orders:read')

    expect(decodeJwt(token).iat).toBeGreaterThan(Date.now() / 1000 + 3000)
    await expect(judge.verify(token)).resolves.toMatchObject({ clientId: 'm', scopes: ['orders:read'] })
  })
})

describe('revoke of grantor/testing', () => {
  it('[B16] resolves when every verifier that follows refuses', async () => {
    const { clock, revocations } = issuer
    const others = Array.from({ length: 3 }, () => {
      return createVerifier({ issuer: issuer.issuer, audience: AUDIENCE, clock, revocations })
    })
    onTestFinished(async () => void (await Promise.all(others.map((other) => other.close()))))
    await Promise.all(others.map((other) => other.prepare()))
    const grantId = 'grant-of-several'

    for (let round = 0; round < 20; round++) {
      const token = await issuer.mint()
      await issuer.revoke(token)
      for (const each of [verifier, ...others]) {
        await expect(each.verify(token)).rejects.toMatchObject({ code: 'token_revoked' })
      }
    }
    const token = await issuer.mint({ grantId })
    // Once more; the verifiers learn nothing new.
    for (let round = 0; round < 2; round++) await issuer.revoke({ grantId })
    for (const each of others) await expect(each.verify(token)).rejects.toMatchObject({ code: 'token_revoked' })
  })

  it('[B16] waits for no verifier that was closed', async () => {
    const { clock, revocations } = issuer
    const closed = createVerifier({ issuer: issuer.issuer, audience: AUDIENCE, clock, revocations })
    await closed.prepare()
    await closed.close()

    await issuer.revoke(await issuer.mint())
  })
})

describe('the process of a test', () => {
  it('[B15] is left as it was by an issuer and a verifier, and gets no warning', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [USER])

    expect(JSON.parse(stdout)).toEqual({ changed: [], warnings: [] })
  })
})

describe('a DPoP key of grantor/testing', () => {
  it('binds a token, and proves one request', async () => {
    const key = await issuer.dpopKey()
    const token = await issuer.mint({ dpop: key })
    const proof = await key.proof({ method: 'GET', url: 'https://orders.example/orders?all=1', token, nonce: 'n' })
    const { jwk, ...header } = decodeProtectedHeader(proof)

    expect(decodeJwt(token).cnf).toEqual({ jkt: key.thumbprint })
    expect(header).toEqual({ typ: 'dpop+jwt', alg: 'ES256' })
    expect(await calculateJwkThumbprint(jwk ?? {})).toBe(key.thumbprint)
    expect(decodeJwt(proof)).toMatchObject({ htm: 'GET', htu: 'https://orders.example/orders', nonce: 'n' })
  })
})

describe('an issuer of grantor/testing', () => {
  it('leaves nothing behind, and can run next to another', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'grantor-test-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    vi.stubEnv('TMPDIR', folder)
    onTestFinished(() => void vi.unstubAllEnvs())
    const [one, two] = await Promise.all([startIssuer(), startIssuer()])
    expect(await readdir(folder)).toHaveLength(2)

    await Promise.all([one.close(), two.close()])

    expect(one.issuer).not.toBe(two.issuer)
    expect(await readdir(folder)).toEqual([])
    await expect(fetch(one.issuer)).rejects.toThrow()
  })

  it('takes clients and APIs as grantor.yaml has them, and refuses what is wrong with them', async () => {
    const client = {
      ...{ client_id: 'm', client_secret: 'for-this-test-only', grant_types: ['client_credentials'] },
      apis: { [AUDIENCE]: ['orders:read'] },
    }
    const api = { audience: AUDIENCE, name: 'Orders', scopes: { 'orders:read': 'See your orders' } }
    const own = await startIssuer({ settings: { clients: [client], apis: [api] } })
    onTestFinished(() => own.close())

    const answer = await askForToken(
      own,
      { clientId: 'm', clientSecret: 'for-this-test-only' },
      AUDIENCE,
      'orders:read',
    )

    expect(decodeJwt(answer)).toMatchObject({ aud: AUDIENCE, client_id: 'm' })
    await expect(startIssuer({ settings: { clients: [{ client_id: 'x' }] } })).rejects.toThrow(/grantor\.yaml/)
  })
})

/** By a library that knows nothing of ours, in the way its own documentation shows. */
function byAStranger(token: string) {
  const keys = createRemoteJWKSet(new URL(`${issuer.issuer}/jwks`))
  return jwtVerify(token, keys, { issuer: issuer.issuer, audience: AUDIENCE, typ: 'at+jwt' })
}

/** A revocation arrives within a second; everything else is refused at once. */
async function untilRefused(token: string, by = verifier): Promise<void> {
  await expect
    .poll(
      () =>
        by.verify(token).then(
          () => 'accepted',
          ({ status }) => status,
        ),
      within(1000),
    )
    .toBe(401)
}

function tokenOfTheServer(): Promise<string> {
  return askForToken(issuer, issuer.revocations, issuer.issuer, 'revocations:read')
}

async function askForToken(
  { issuer: origin }: Issuer,
  { clientId, clientSecret }: Pick<Issuer['revocations'], 'clientId' | 'clientSecret'>,
  resource: string,
  scope: string,
): Promise<string> {
  const response = await fetch(`${origin}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope }),
  })
  return ((await response.json()) as { access_token: string }).access_token
}
