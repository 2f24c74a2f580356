/** A token that Grantor bound to a DPoP key, at APIs with the verifier: from the first request to the last. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, type Verifier } from '../../../src/resource/index.ts'
import { newCode, post, redemption, signedIn } from '../../support/requests.ts'
import { MIDDLEWARE, type GuardedServer, startGuardedServers } from '../../resource/guarded-servers.ts'
import { type Running, start } from '../../support/start.ts'
import { newProofKey, type ProofKey } from './dpop-proofs.ts'

const API = 'https://orders.example'
const ADDRESS = `${API}/`

let app: Running
let verifier: Verifier
let servers: GuardedServer[]
let key: ProofKey
let token: string

beforeAll(async () => {
  app = await start()
  verifier = createVerifier({
    ...{ issuer: app.issuer, audience: API },
    dpop: { publicUrl: API, nonce: { secret: new Uint8Array(32).fill(1) } },
  })
  servers = await startGuardedServers(verifier, { scopes: ['orders:read'], dpop: 'required' })
  key = await newProofKey()
  const proof = await key.prove(`${app.issuer}/token`)
  const { body } = await post(`${app.issuer}/token`, redemption(await newCode(await signedIn(app))), { dpop: proof })
  token = String(body.access_token)
})
afterAll(() => Promise.all([...servers, app].map((open) => open.close())))

describe.each(MIDDLEWARE)('[S99] [S100] behind %s', (name) => {
  const ask = async (scheme: string, proof?: string) => {
    const origin = String(servers.find((server) => server.name === name)?.origin)
    const headers = { authorization: `${scheme} ${token}`, ...(proof === undefined ? {} : { dpop: proof }) }
    return fetch(origin, { headers })
  }

  it('is accepted with its proof once the client has learnt the nonce, and each proof once', async () => {
    const first = await ask('DPoP', await key.proveFor(ADDRESS, token))
    const nonce = first.headers.get('dpop-nonce') ?? ''
    expect([first.status, first.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^DPoP realm="https:\/\/orders\.example", error="use_dpop_nonce"/),
    ])

    const proof = await key.proveFor(ADDRESS, token, { nonce })
    expect((await ask('DPoP', proof)).status).toBe(200)
    expect((await ask('DPoP', proof)).status).toBe(401)
  })

  it('is refused as a plain bearer, with its proof or without', async () => {
    for (const proof of [undefined, await key.proveFor(ADDRESS, token)]) {
      const response = await ask('Bearer', proof)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    }
  })
})
