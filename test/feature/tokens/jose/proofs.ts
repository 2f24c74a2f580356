/** What a DPoP proof can get wrong beside what every JWT can (RFC 9449 section 4.3). */

import { generateKeyPairSync } from 'node:crypto'

import { hmacParts, rsaKey, type SigningKey, signParts } from '../../../resource/issuer.ts'
import { hashOf, type ProofSlot } from './proof-slots.ts'
import { firstKey, mintFor, type Row } from './slot.ts'

export function malformedProofs(slot: ProofSlot): Row[] {
  const key = firstKey(slot)
  const claims = {
    ...wrongMethods(slot),
    ...wrongAddresses(slot),
    ...wrongTimes(slot),
    ...wrongNames(),
    ...wrongTokens(slot),
  }
  return [
    ...Object.entries(claims).map(([name, change]) => ({ name, key, token: mintFor(slot, key, change) })),
    ...Object.entries(wrongKeys(slot, key)).map(([name, token]) => ({ name, key, token })),
  ]
}

type Changes = Record<string, Record<string, unknown>>

function wrongMethods({ method }: ProofSlot): Changes {
  const methods = [undefined, null, '', method.toLowerCase(), 'PUT', `${method} `, [method], 7]
  return Object.fromEntries(methods.map((htm) => [`htm ${JSON.stringify(htm)}`, { htm }]))
}

/** Another address than this one, however near; what counts as the same stands in `sameAddresses`. */
function wrongAddresses({ address }: ProofSlot): Changes {
  const { origin, host, hostname, port, pathname } = new URL(address)
  const addresses = [
    undefined,
    null,
    '',
    [address],
    pathname,
    `//${host}${pathname}`,
    origin.replace('http', 'https') + pathname,
    `http://evil.example${pathname}`,
    `http://${hostname}:${Number(port) + 1}${pathname}`,
    `http://${hostname}${pathname}`,
    `http://evil.example@${host}${pathname}`,
    `http://${host}.evil.example${pathname}`,
    `${origin}${pathname}/more`,
    `${origin}/other`,
    `${origin}${pathname}x`,
    `${origin}/other?${pathname}`,
    `${origin}/other#${pathname}`,
    `ws://${host}${pathname}`,
    'about:blank',
  ]
  return Object.fromEntries(addresses.map((htu) => [`htu ${JSON.stringify(htu)}`, { htu }]))
}

function wrongTimes({ times, oldestSeconds }: ProofSlot): Changes {
  return Object.fromEntries([oldestSeconds + 2, 3600, 1e6].map((age) => [`${age} s old`, { iat: times.now() - age }]))
}

function wrongNames(): Changes {
  return Object.fromEntries([undefined, null, '', 7, {}, ['x']].map((jti) => [`jti ${JSON.stringify(jti)}`, { jti }]))
}

/** RFC 9449 section 4.3 check 11: the proof is for this access token. */
function wrongTokens(slot: ProofSlot): Changes {
  const [key, other] = slot.keys
  const token = key && slot.accessToken(key)
  if (token === undefined || other === undefined) return {}
  const hashes = {
    'ath missing': undefined,
    'ath null': null,
    'ath empty': '',
    'ath is the token': token,
    "ath of another's token": hashOf(slot.accessToken(other) ?? ''),
    'ath in hex': Buffer.from(hashOf(token), 'base64url').toString('hex'),
    'ath with padding': `${hashOf(token)}=`,
    'ath in a list': [hashOf(token)],
  }
  return Object.fromEntries(Object.entries(hashes).map(([name, ath]) => [name, { ath }]))
}

function wrongKeys(slot: ProofSlot, key: SigningKey): Record<string, string> {
  const jwk = key.publicKey.export({ format: 'jwk' })
  const secret = Buffer.alloc(32, 7)
  const oct = { kty: 'oct', k: secret.toString('base64url') }
  const weak = rsaKey('weak', 1024)
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const withJwk = (value: unknown) => mintFor(slot, key, {}, { jwk: value })
  return {
    'jwk missing': withJwk(undefined),
    'jwk null': withJwk(null),
    'jwk a text': withJwk(JSON.stringify(jwk)),
    'jwk a list': withJwk([jwk]),
    'jwk a set': withJwk({ keys: [jwk] }),
    'jwk empty': withJwk({}),
    'jwk with its private part': withJwk(key.privateKey.export({ format: 'jwk' })),
    'jwk with a private part that is empty': withJwk({ ...jwk, d: '' }),
    "jwk another's": withJwk(other.publicKey.export({ format: 'jwk' })),
    'jwk off its curve': withJwk({ ...jwk, y: jwk.x }),
    'jwk of zeros': withJwk({
      ...jwk,
      x: Buffer.alloc(32).toString('base64url'),
      y: Buffer.alloc(32).toString('base64url'),
    }),
    'jwk of another curve': withJwk({ ...jwk, crv: 'P-384' }),
    'jwk of another kind': withJwk({ ...jwk, kty: 'RSA' }),
    'a shared secret': hmacParts({ ...slot.header(key), alg: 'HS256', jwk: oct }, slot.claims(key), secret),
    'a shared secret beside a key': hmacParts(
      { ...slot.header(key), alg: 'HS256', jwk: { ...jwk, ...oct } },
      slot.claims(key),
      secret,
    ),
    'an RSA key of 1024 bits': signParts({ ...slot.header(weak) }, slot.claims(key), weak),
    'two proofs': `${mintFor(slot, key)}, ${mintFor(slot, key)}`,
  }
}

/** The same address for every reader (RFC 9449 section 4.3, RFC 3986 sections 6.2.2 and 6.2.3), without query and fragment. */
export function sameAddresses(slot: ProofSlot): Row[] {
  const key = firstKey(slot)
  const { host, pathname, origin } = new URL(slot.address)
  const addresses = [
    slot.address,
    `${slot.address}?a=b`,
    `${slot.address}#there`,
    `HTTP://${host.toUpperCase()}${pathname}`,
    `${origin}/x/..${pathname}`,
  ]
  return addresses.map((htu) => ({ name: `htu ${htu}`, key, token: mintFor(slot, key, { htu }) }))
}
