/** Every place that takes a DPoP proof (RFC 9449), with what a proof of its own has to say. */

import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK } from 'jose'

import { SSF_POLL } from '../../../../src/http/routes.ts'
import { ENGINE_PATHS, REVOCATIONS } from '../../../../src/engine/paths.ts'
import { createVerifier } from '../../../../src/resource/index.ts'
import { type GuardedServer, startGuardedServers } from '../../../resource/guarded-servers.ts'
import {
  AUDIENCE,
  ecKey,
  edKey,
  mint,
  NOW,
  rsaKey,
  type SigningKey,
  type StrangeIssuer,
  signParts,
} from '../../../resource/issuer.ts'
import { authorizationParams, basic, newCode, post, redemption } from '../../../support/requests.ts'
import type { Slot, Times } from './slot.ts'
import { askFeed } from './server-slots.ts'
import { feedToken, type JoseFixture } from './jose-fixture.ts'

export interface ProofSlot extends Slot {
  /** Where the proof is for. */
  readonly method: string
  readonly address: string
  /** The token that the proof of this key goes with. */
  accessToken(key: SigningKey): string | undefined
  /** How old a proof may be. */
  readonly oldestSeconds: number
}

export interface ProofFixture {
  readonly fixture: JoseFixture
  readonly at: StrangeIssuer
  /** The APIs behind each middleware, which take tokens that are bound. */
  readonly servers: readonly GuardedServer[]
  readonly keys: readonly SigningKey[]
}

export async function startProofFixture(fixture: JoseFixture, at: StrangeIssuer): Promise<ProofFixture> {
  const dpop = { publicUrl: (req: { socket: { localPort?: number } }) => `http://127.0.0.1:${req.socket.localPort}` }
  const verifier = createVerifier({ issuer: at.issuer, audience: AUDIENCE, clock: () => NOW * 1000, dpop })
  const keys = [ecKey('d-es'), edKey('d-ed'), rsaKey('d-rs'), { ...rsaKey('d-ps'), alg: 'PS256' as const }]
  return { fixture, at, servers: await startGuardedServers(verifier), keys }
}

const MACHINE = basic('demo-machine', 'demo-machine-secret-not-for-production')

/** The engine asks for the moment of the proof to lie within five minutes, either way. */
const ENGINE_SECONDS = 300

const SERVER_TIMES: Times = {
  now: () => Math.floor(Date.now() / 1000),
  required: ['iat', 'jti'],
  judged: ['iat'],
  toleranceSeconds: { exp: 0, iat: ENGINE_SECONDS, nbf: 0 },
  takesFractions: true,
}

interface Place {
  readonly method: string
  readonly address: string
  readonly times: Times
  readonly oldestSeconds: number
  readonly refusals: readonly string[]
  readonly tokens?: ReadonlyMap<SigningKey, string>
  put(proof: string, key: SigningKey): ReturnType<Slot['put']>
}

function proofSlot(keys: readonly SigningKey[], place: Place): ProofSlot {
  const { method, address, times, tokens } = place
  return {
    ...place,
    keys,
    accessToken: (key) => tokens?.get(key),
    header: ({ alg, publicKey }) => ({ typ: 'dpop+jwt', alg, jwk: publicKey.export({ format: 'jwk' }) }),
    claims: (key) => ({
      jti: randomUUID(),
      iat: times.now(),
      htm: method,
      htu: address,
      ...(tokens && { ath: hashOf(tokens.get(key) ?? '') }),
    }),
    wrongTypes: [undefined, null, '', 'JWT', 'at+jwt', 'logout+jwt', 'dpop', ['dpop+jwt'], 1],
    carriedIn: 'header',
    bringsKey: true,
  }
}

export interface NamedProofSlot {
  readonly name: string
  open(opened: ProofFixture): Promise<ProofSlot>
}

export const PROOF_SLOTS: readonly NamedProofSlot[] = [
  { name: '/token DPoP', open: atToken },
  { name: '/par DPoP', open: atPar },
  { name: '/userinfo DPoP', open: atUserinfo },
  { name: `${REVOCATIONS} DPoP`, open: (opened) => atFeed(opened, REVOCATIONS, 'GET') },
  { name: `${SSF_POLL} DPoP`, open: (opened) => atFeed(opened, SSF_POLL, 'POST') },
  ...['koaBearer', 'expressBearer', 'nodeBearer', 'fastifyBearer'].map((name) => ({
    name: `${name} DPoP`,
    open: (opened: ProofFixture) => atApi(opened, name),
  })),
]

async function atToken({ fixture, keys }: ProofFixture): Promise<ProofSlot> {
  const address = `${fixture.app.issuer}${ENGINE_PATHS.token}`
  return proofSlot(keys, {
    ...{ method: 'POST', address, times: SERVER_TIMES, oldestSeconds: ENGINE_SECONDS },
    refusals: ['400 invalid_dpop_proof', '400 use_dpop_nonce'],
    async put(dpop) {
      const { status, body } = await post(address, { grant_type: 'client_credentials' }, { ...MACHINE, dpop })
      return { taken: status === 200, answer: `${status} ${body.error}` }
    },
  })
}

async function atPar({ fixture, keys }: ProofFixture): Promise<ProofSlot> {
  const address = `${fixture.app.issuer}${ENGINE_PATHS.pushed_authorization_request}`
  return proofSlot(keys, {
    ...{ method: 'POST', address, times: SERVER_TIMES, oldestSeconds: ENGINE_SECONDS },
    refusals: ['400 invalid_dpop_proof', '400 use_dpop_nonce'],
    async put(dpop) {
      const { status, body } = await post(address, authorizationParams({}), { dpop })
      return { taken: status === 201, answer: `${status} ${body.error}` }
    },
  })
}

async function atUserinfo({ fixture, at, servers, keys }: ProofFixture): Promise<ProofSlot> {
  const address = `${fixture.app.issuer}${ENGINE_PATHS.userinfo}`
  const toToken = await atToken({ fixture, at, servers, keys })
  const tokens = new Map<SigningKey, string>()
  for (const key of keys) {
    const dpop = signParts(toToken.header(key), toToken.claims(key), key)
    const { body } = await post(toToken.address, redemption(await newCode(fixture.alice)), { dpop })
    tokens.set(key, String(body.access_token))
  }
  return proofSlot(keys, {
    ...{ method: 'GET', address, times: SERVER_TIMES, oldestSeconds: ENGINE_SECONDS, tokens },
    refusals: ['401 invalid_dpop_proof', '401 use_dpop_nonce', '401 invalid_token', '400 invalid_request'],
    put: (dpop, key) => present(address, `DPoP ${tokens.get(key)}`, dpop),
  })
}

async function atFeed({ fixture, at, servers, keys }: ProofFixture, route: string, method: string): Promise<ProofSlot> {
  const toToken = await atToken({ fixture, at, servers, keys })
  const tokens = new Map<SigningKey, string>()
  for (const key of keys) {
    tokens.set(key, await feedToken(fixture, { dpop: signParts(toToken.header(key), toToken.claims(key), key) }))
  }
  return proofSlot(keys, {
    ...{ method, address: `${fixture.app.issuer}${route}`, oldestSeconds: 60 + 15, tokens },
    times: { ...SERVER_TIMES, toleranceSeconds: { exp: 0, iat: 15, nbf: 0 }, takesFractions: false },
    refusals: ['401 invalid_dpop_proof', '401 invalid_token'],
    async put(dpop, key) {
      return outcomeOf(await askFeed(fixture, route, { authorization: `DPoP ${tokens.get(key)}`, dpop }))
    },
  })
}

async function atApi({ at, servers, keys }: ProofFixture, name: string): Promise<ProofSlot> {
  const server = servers.find((one) => one.name === name)
  if (server === undefined) throw new TypeError(`no server ${name}`)
  const address = `${server.origin}/`
  const tokens = new Map<SigningKey, string>()
  for (const key of keys) {
    const jkt = await calculateJwkThumbprint(await exportJWK(key.publicKey))
    tokens.set(key, mint(at.issuer, at.ec, { cnf: { jkt } }))
  }
  return proofSlot(keys, {
    ...{ method: 'GET', address, oldestSeconds: 60 + 15, tokens },
    times: {
      ...SERVER_TIMES,
      now: () => NOW,
      toleranceSeconds: { exp: 0, iat: 15, nbf: 0 },
      takesFractions: false,
    },
    refusals: ['401 invalid_dpop_proof', '401 invalid_token'],
    put: (dpop, key) => present(address, `DPoP ${tokens.get(key)}`, dpop),
  })
}

async function present(address: string, authorization: string, dpop: string): ReturnType<Slot['put']> {
  return outcomeOf(await fetch(address, { headers: { authorization, dpop } }))
}

function outcomeOf({ status, headers }: Response): Awaited<ReturnType<Slot['put']>> {
  const error = /error="(\w+)"/.exec(headers.get('www-authenticate') ?? '')?.[1]
  return { taken: status === 200, answer: `${status} ${error}` }
}

export function hashOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('base64url')
}
