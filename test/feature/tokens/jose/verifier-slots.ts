/** The verifier of an API: asked by the program itself, and behind each middleware that we publish. */

import { createVerifier, Refusal, type Verifier } from '../../../../src/resource/index.ts'
import { type GuardedServer, startGuardedServers } from '../../../resource/guarded-servers.ts'
import { AUDIENCE, mint, NOW, type StrangeIssuer, startIssuer } from '../../../resource/issuer.ts'
import type { Outcome, Slot } from './slot.ts'

export interface VerifierFixture {
  readonly at: StrangeIssuer
  readonly verifier: Verifier
  readonly servers: readonly GuardedServer[]
  close(): Promise<void>
}

export async function startVerifierFixture(): Promise<VerifierFixture> {
  const at = await startIssuer()
  const verifier = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000 })
  const servers = await startGuardedServers(verifier)
  return {
    at,
    verifier,
    servers,
    async close() {
      await Promise.all([...servers.map((server) => server.close()), at.close()])
    },
  }
}

/** What a published function is called that guards a route. */
export const MIDDLEWARE = /^(?!create)\w+Bearer$/

export const VERIFIER_SLOTS = ['verify()', 'koaBearer', 'expressBearer', 'nodeBearer', 'fastifyBearer'] as const

export function verifierSlot({ at, verifier, servers }: VerifierFixture, name: string): Slot {
  const server = servers.find((one) => one.name === name)
  return {
    keys: [at.rsa, at.pss, at.ec, at.ed],
    header: ({ alg, kid }) => ({ typ: 'at+jwt', alg, kid }),
    claims: (key) =>
      JSON.parse(Buffer.from(mint(at.issuer, key).split('.')[1] ?? '', 'base64url').toString()) as object as Record<
        string,
        unknown
      >,
    put: (token) => (server === undefined ? called(verifier, token) : presented(server, token)),
    refusals: ['401 invalid_token', ...(server === undefined ? [] : ['401 undefined', '400 invalid_request'])],
    wrongTypes: [
      undefined,
      null,
      '',
      'JWT',
      'jwt',
      'AT+JWT',
      'at+jwt ',
      'logout+jwt',
      'dpop+jwt',
      'id+jwt',
      ['at+jwt'],
      1,
    ],
    carriedIn: server === undefined ? 'call' : 'header',
    times: {
      now: () => NOW,
      required: ['exp', 'iat', 'jti'],
      judged: ['exp', 'iat', 'nbf'],
      toleranceSeconds: { exp: 15, iat: 15, nbf: 15 },
      takesFractions: false,
    },
  }
}

async function called(verifier: Verifier, token: string): Promise<Outcome> {
  try {
    await verifier.verify(token)
    return { taken: true, answer: '200' }
  } catch (error) {
    if (error instanceof Refusal) return { taken: false, answer: `${error.status} ${error.error}` }
    return { taken: false, answer: String(error) }
  }
}

async function presented({ origin }: GuardedServer, token: string): Promise<Outcome> {
  const { status, headers } = await fetch(origin, { headers: { authorization: `Bearer ${token}` } })
  return {
    taken: status === 200,
    answer: `${status} ${/error="(\w+)"/.exec(headers.get('www-authenticate') ?? '')?.[1]}`,
  }
}
