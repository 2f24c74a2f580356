/** A server with every kind of key, a person who is signed in, and the clients whose tokens and assertions are forged. */

import { createPrivateKey, createPublicKey, type JsonWebKey } from 'node:crypto'

import { type Running, start } from '../../../support/start.ts'
import type { UserAgent } from '../../../support/user-agent.ts'
import { ecKey, edKey, publicJwk, rsaKey, type SigningKey } from '../../../resource/issuer.ts'
import { basic, confidential, newCode, post, redemption, signedIn } from '../../../support/requests.ts'

export const FORGED_CLIENT = 'keyed'

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const

export interface JoseFixture {
  readonly app: Running
  readonly alice: UserAgent
  /** Those that the server signs with. */
  readonly serverKeys: readonly SigningKey[]
  /** Those of the client `FORGED_CLIENT`, which signs assertions. */
  readonly clientKeys: readonly SigningKey[]
}

export async function startJoseFixture(): Promise<JoseFixture> {
  const clientKeys = [rsaKey('c-rs'), { ...rsaKey('c-ps'), alg: 'PS256' as const }, ecKey('c-es'), edKey('c-ed')]
  const apis = ALGORITHMS.map((algorithm) => ({ audience: `https://${algorithm.toLowerCase()}.example`, algorithm }))
  const shared = { audience: 'https://hs256.example', algorithm: 'HS256' as const, secret: Buffer.alloc(32, 7) }
  const jwks = { keys: (await Promise.all(clientKeys.map(publicJwk))) as Record<string, unknown>[] }
  const app = await start({
    apis: [...apis, shared, { audience: 'https://orders.example', introspectedBy: ['demo-web'] }],
    clients: [confidential(FORGED_CLIENT, { authMethod: 'private_key_jwt', secretHash: undefined, jwks })],
  })
  const published = app.nodes[0]?.keyring.current().signingJwks ?? []
  const serverKeys = ALGORITHMS.map((alg) => {
    const jwk = published.find((one) => one.alg === alg) as unknown as JsonWebKey & { kid: string }
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
    return { kid: jwk.kid, alg, privateKey, publicKey: createPublicKey(privateKey) }
  })
  return { app, alice: await signedIn(app), serverKeys, clientKeys }
}

export interface Issued {
  readonly access_token: string
  readonly refresh_token: string
  readonly id_token: string
}

/** Tokens of Alice at the demo's SPA, of a new grant when the browser is new. */
export async function issue({ app }: JoseFixture, agent: UserAgent): Promise<Issued> {
  const { body } = await post(`${app.issuer}/token`, redemption(await newCode(agent)))
  return body as unknown as Issued
}

/** A token with which the revocations can be read. */
export async function feedToken({ app }: JoseFixture, headers: { dpop?: string } = {}): Promise<string> {
  const { body } = await post(
    `${app.issuer}/token`,
    { grant_type: 'client_credentials', resource: app.issuer, scope: 'revocations:read' },
    { ...basic('demo-machine', 'demo-machine-secret-not-for-production'), ...headers },
  )
  return String(body.access_token)
}
