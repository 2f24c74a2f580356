/**
 * A stranger's authorization server, made of jose and node:http: metadata, keys, and a pen that signs anything.
 *
 * It shares no code with the verifier or with Grantor, so what it proves does not depend on ours being right twice.
 */

import { constants, createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { exportJWK, type JWK } from 'jose'

export const AUDIENCE = 'https://orders.example'

/** The moment at which every test begins, in epoch seconds. */
export const NOW = 1_800_000_000

export interface SigningKey {
  readonly kid: string
  readonly alg: 'RS256' | 'PS256' | 'ES256' | 'EdDSA'
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export interface StrangeIssuer {
  readonly issuer: string
  readonly rsa: SigningKey
  readonly pss: SigningKey
  readonly ec: SigningKey
  readonly ed: SigningKey
  /** How often each path was asked for. */
  readonly asked: Map<string, number>
  /** What /jwks and the metadata answer; tests change it. */
  readonly says: { keys: JWK[]; issuer: string; jwksUri: string; maxAge: number | undefined; down: boolean }
  answer: ((req: IncomingMessage, res: ServerResponse) => boolean) | undefined
  close(): Promise<void>
}

export async function startIssuer(): Promise<StrangeIssuer> {
  const { server, origin } = await serve((req, res) => respond(req, res))
  const [rsa, pss, ec, ed] = [rsaKey(), { ...rsaKey('pss-1'), alg: 'PS256' as const }, ecKey(), edKey()]
  const self: StrangeIssuer = {
    issuer: origin,
    rsa,
    pss,
    ec,
    ed,
    asked: new Map(),
    says: {
      keys: await Promise.all([rsa, pss, ec, ed].map(publicJwk)),
      issuer: origin,
      jwksUri: `${origin}/jwks`,
      maxAge: undefined,
      down: false,
    },
    answer: undefined,
    close: () => stop(server),
  }

  function respond(req: IncomingMessage, res: ServerResponse): void {
    const path = req.url ?? ''
    self.asked.set(path, (self.asked.get(path) ?? 0) + 1)
    if (self.answer?.(req, res)) return
    if (self.says.down) {
      res.writeHead(503).end()
      return
    }
    const { keys, issuer, jwksUri, maxAge } = self.says
    const body = path === '/jwks' ? { keys } : { issuer, jwks_uri: jwksUri }
    if (maxAge !== undefined) res.setHeader('cache-control', `public, max-age=${maxAge}`)
    res.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }

  return self
}

export function rsaKey(kid = 'rsa-1', modulusLength = 2048): SigningKey {
  return { kid, alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength }) }
}

export function ecKey(kid = 'ec-1'): SigningKey {
  return { kid, alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
}

export function edKey(kid = 'ed-1'): SigningKey {
  return { kid, alg: 'EdDSA', ...generateKeyPairSync('ed25519') }
}

export async function publicJwk({ kid, alg, publicKey }: SigningKey): Promise<JWK> {
  return { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
}

/** A good payload for `issuer`; `undefined` in `changes` removes a claim. */
export function payload(issuer: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: issuer,
    aud: AUDIENCE,
    sub: 'u_1',
    client_id: 'web',
    jti: randomUUID(),
    iat: NOW,
    exp: NOW + 600,
    scope: 'orders:read orders:write',
    ...changes,
  }
}

/** base64url of a text, or of a value as JSON. */
export function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** A compact JWS over exactly these parts, signed with the key whatever the header claims. */
export function signParts(header: unknown, body: unknown, key: SigningKey): string {
  const input = `${part(header)}.${part(body)}`
  return `${input}.${signatureOf(input, key).toString('base64url')}`
}

/** The same, with HMAC-SHA-256 over any secret. */
export function hmacParts(header: unknown, body: unknown, secret: string | Uint8Array): string {
  const input = `${part(header)}.${part(body)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** A token as a good issuer makes it, with changes. */
export function mint(
  issuer: string,
  key: SigningKey,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): string {
  return signParts({ typ: 'at+jwt', alg: key.alg, kid: key.kid, ...header }, payload(issuer, claims), key)
}

export function signatureOf(input: string, { alg, privateKey }: SigningKey): Buffer {
  if (alg === 'ES256') return sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  if (alg === 'PS256') {
    return sign('sha256', Buffer.from(input), {
      key: privateKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: 32,
    })
  }
  return sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), privateKey)
}

/** A server on a free port of this machine. */
export async function serve(listener: RequestListener): Promise<{ server: Server; origin: string }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

export async function stop(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
