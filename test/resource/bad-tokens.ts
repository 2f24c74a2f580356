/** Every way in which a token can be bad, as data: the tests present each of them at each door. */

import { createHmac, sign } from 'node:crypto'

import {
  AUDIENCE,
  ecKey,
  hmacParts,
  mint,
  NOW,
  part,
  payload,
  rsaKey,
  type SigningKey,
  type StrangeIssuer,
  signatureOf,
  signParts,
} from './issuer.ts'

export interface BadToken {
  readonly name: string
  readonly token: string
  /** `token_invalid` unless said otherwise. */
  readonly code?: 'token_expired'
}

/** A server that must see no request: `jku` and `x5u` point at it. */
export function badTokens(at: StrangeIssuer, trap: string): BadToken[] {
  return [
    ...badAlgorithms(at),
    ...badTypes(at),
    ...badHeaders(at, trap),
    ...badKids(at),
    ...badClaims(at),
    ...badTimes(at),
    ...badSignatures(at),
    ...badShapes(at),
  ]
}

function badAlgorithms({ issuer, rsa, ec }: StrangeIssuer): BadToken[] {
  const body = payload(issuer)
  const unsigned = ['none', 'None', 'nOnE', 'NONE', ''].map((alg) => ({
    name: `[S87] alg "${alg}" without a signature`,
    token: `${part({ typ: 'at+jwt', alg })}.${part(body)}.`,
  }))
  const signed = ['none', 'nOnE', '', undefined, null, 7, ['RS256'], { RS256: 1 }, 'HS256', 'RS512', 'PS256'].map(
    (alg) => ({
      name: `[S87] alg ${JSON.stringify(alg)} over a good RS256 signature`,
      token: signParts({ typ: 'at+jwt', alg, kid: rsa.kid }, body, rsa),
    }),
  )
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
  const jwk = rsa.publicKey.export({ format: 'jwk' })
  const secrets = {
    PEM: pem,
    'PEM without its last line end': pem.trimEnd(),
    JWK: JSON.stringify(jwk),
    modulus: String(jwk.n),
  }
  const confused = Object.entries({ ...secrets, 'empty text': '' }).map(([secret, bytes]) => ({
    name: `[S86] HS256 with the public key (${secret}) as its secret`,
    token: hmacParts({ typ: 'at+jwt', alg: 'HS256', kid: rsa.kid }, body, bytes),
  }))
  const wrongKeyKind = {
    name: 'RS256 named, the EC key meant',
    token: signParts({ typ: 'at+jwt', alg: 'RS256', kid: ec.kid }, body, ec),
  }
  return [...unsigned, ...signed, ...confused, wrongKeyKind]
}

function badTypes({ issuer, ec }: StrangeIssuer): BadToken[] {
  const types = [
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
  ]
  return types.map((typ) => ({ name: `[S90] typ ${JSON.stringify(typ)}`, token: mint(issuer, ec, {}, { typ }) }))
}

function badHeaders({ issuer, ec }: StrangeIssuer, trap: string): BadToken[] {
  const own = ecKey('own')
  const jwk = { ...own.publicKey.export({ format: 'jwk' }), kid: 'own', alg: 'ES256' }
  const headers: Record<string, Record<string, unknown>> = {
    '[S89] crit with an unknown entry': { crit: ['exp2'], exp2: 1 },
    '[S89] crit empty': { crit: [] },
    '[S89] crit with b64': { crit: ['b64'], b64: false },
    '[S89] b64 false without crit': { b64: false },
    '[S89] crit null': { crit: null },
    '[S77] jku of the attacker': { jku: `${trap}/jku` },
    '[S77] x5u of the attacker': { x5u: `${trap}/x5u` },
    '[S77] x5c': { x5c: ['MIIB'] },
    '[S77] jwk beside a good kid': { jwk },
  }
  return [
    ...Object.entries(headers).map(([name, header]) => ({ name, token: mint(issuer, ec, {}, header) })),
    { name: '[S77] jwk of the attacker, signed with it', token: mint(issuer, own, {}, { jwk }) },
    { name: '[S77] jku of the attacker, signed with his key', token: mint(issuer, own, {}, { jku: `${trap}/jku` }) },
  ]
}

function badKids({ issuer, ec }: StrangeIssuer): BadToken[] {
  const kids = [
    '',
    'unknown',
    '../../../../dev/null',
    "' OR 1=1 --",
    '\u0000',
    'k'.repeat(10_240),
    {},
    [],
    ['ec-1'],
    null,
    1,
    true,
    '__proto__',
  ]
  return kids.map((kid) => ({
    name: `[S88] kid ${JSON.stringify(kid).slice(0, 30)}`,
    token: mint(issuer, ec, {}, { kid }),
  }))
}

function badClaims({ issuer, ec }: StrangeIssuer): BadToken[] {
  const claims: Record<string, unknown[]> = {
    iss: [undefined, null, `${issuer}/`, issuer.toUpperCase(), 'https://login.evil.example', [issuer], ''],
    aud: [
      undefined,
      null,
      [],
      'https://reports.example',
      `${AUDIENCE}/`,
      [AUDIENCE, 1],
      { [AUDIENCE]: 1 },
      '',
      AUDIENCE.slice(0, -1),
    ],
    sub: [undefined, null, '', 7, {}, ['u_1']],
    client_id: [undefined, null, '', 7, ['web']],
    jti: [undefined, null, '', 7, {}],
    iat: [undefined, null, '', String(NOW), {}, -1, 1.5, 1e308],
    exp: [undefined, null, '', String(NOW + 600), {}, -1, NOW + 600.5, 1e308, true],
    nbf: [null, '', String(NOW), -1, 1e308, {}],
    scope: [null, 7, ['orders:read'], 'orders:read  orders:write', ' orders:read', 'orders:read\n', 'a"b'],
    cnf: [null, { jkt: 'x' }, { 'x5t#S256': 'x' }],
  }
  return Object.entries(claims).flatMap(([claim, values]) =>
    values.map((value) => ({ name: `${claim} ${JSON.stringify(value)}`, token: mint(issuer, ec, { [claim]: value }) })),
  )
}

function badTimes({ issuer, ec }: StrangeIssuer): BadToken[] {
  return [
    { name: '[S94] expired 15 s ago', token: mint(issuer, ec, { exp: NOW - 15 }), code: 'token_expired' },
    { name: '[S94] expired 61 s ago', token: mint(issuer, ec, { exp: NOW - 61 }), code: 'token_expired' },
    { name: 'exp 0', token: mint(issuer, ec, { exp: 0 }), code: 'token_expired' },
    { name: '[S94] iat 61 s ahead', token: mint(issuer, ec, { iat: NOW + 61 }) },
    { name: '[S94] nbf 61 s ahead', token: mint(issuer, ec, { nbf: NOW + 61 }) },
    { name: 'nbf 16 s ahead', token: mint(issuer, ec, { nbf: NOW + 16 }) },
  ]
}

function badSignatures({ issuer, rsa, pss, ec, ed }: StrangeIssuer): BadToken[] {
  const strangers: SigningKey[] = [rsaKey(rsa.kid), ecKey(ec.kid)]
  const ofEach = [rsa, pss, ec, ed].flatMap((key) => {
    const token = mint(issuer, key)
    const [header = '', body = '', signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const flipped = Buffer.from(bytes)
    flipped[0] = (flipped[0] ?? 0) ^ 1
    const altered = part(payload(issuer, { scope: 'orders:read orders:write admin' }))
    return [
      { name: `payload altered (${key.alg})`, token: `${header}.${altered}.${signature}` },
      {
        name: `header altered (${key.alg})`,
        token: `${part({ typ: 'at+jwt', alg: key.alg, kid: key.kid, x: 1 })}.${body}.${signature}`,
      },
      { name: `signature altered (${key.alg})`, token: `${header}.${body}.${flipped.toString('base64url')}` },
      { name: `signature cut (${key.alg})`, token: `${header}.${body}.${bytes.subarray(1).toString('base64url')}` },
      {
        name: `signature lengthened (${key.alg})`,
        token: `${header}.${body}.${Buffer.concat([bytes, bytes]).toString('base64url')}`,
      },
      {
        name: `[S92] signature of zeros (${key.alg})`,
        token: `${header}.${body}.${Buffer.alloc(bytes.length).toString('base64url')}`,
      },
    ]
  })
  const der = mint(issuer, ec).split('.').slice(0, 2).join('.')
  return [
    ...ofEach,
    ...strangers.map((key) => ({ name: `our kid, a stranger's key (${key.alg})`, token: mint(issuer, key) })),
    {
      name: '[S92] ECDSA signature in DER',
      token: `${der}.${sign('sha256', Buffer.from(der), ec.privateKey).toString('base64url')}`,
    },
    { name: '[S92] EdDSA signature with S plus the order', token: malleable(issuer, ed) },
    { name: '[S93] ECDSA signature that is an HMAC', token: hmacInstead(issuer, ec) },
  ]
}

/** The same Ed25519 signature with the group order added to S: equal to a careless verifier (RFC 8032 section 5.1.7). */
function malleable(issuer: string, ed: SigningKey): string {
  const [header = '', body = ''] = mint(issuer, ed).split('.')
  const signature = signatureOf(`${header}.${body}`, ed)
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + order
  Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse().copy(signature, 32)
  return `${header}.${body}.${signature.toString('base64url')}`
}

function hmacInstead(issuer: string, ec: SigningKey): string {
  const input = mint(issuer, ec).split('.').slice(0, 2).join('.')
  return `${input}.${createHmac('sha512', 'secret').update(input).digest('base64url')}`
}

function badShapes({ issuer, ec, rsa }: StrangeIssuer): BadToken[] {
  const token = mint(issuer, ec)
  const [header = '', body = '', signature = ''] = token.split('.')
  const twice = (name: string, value: unknown) =>
    `{${JSON.stringify(name)}:${JSON.stringify(value)},${JSON.stringify(payload(issuer)).slice(1)}`
  const head = { typ: 'at+jwt', alg: 'ES256', kid: ec.kid }
  return [
    { name: 'one word', token: 'abc' },
    { name: '[S93] two segments', token: `${header}.${body}` },
    { name: '[S93] an empty fourth segment', token: `${token}.` },
    { name: '[S93] a fourth segment', token: `${token}.${signature}` },
    { name: '[S93] five segments, as a JWE has', token: `${token}.${body}.${signature}` },
    { name: 'empty header', token: `.${body}.${signature}` },
    { name: 'empty payload', token: `${header}..${signature}` },
    { name: 'empty signature', token: `${header}.${body}.` },
    { name: '[S93] non-canonical base64url', token: nonCanonical(issuer, rsa) },
    { name: '[S93] sub twice', token: signParts(head, twice('sub', 'u_2'), ec) },
    { name: '[S93] aud twice', token: signParts(head, twice('aud', 'https://reports.example'), ec) },
    {
      name: '[S93] exp twice, once escaped',
      token: signParts(head, twice('exp', 1).replace('"exp"', '"\\u0065xp"'), ec),
    },
    {
      name: '[S93] alg twice',
      token: signParts(`{"alg":"none",${JSON.stringify(head).slice(1)}`, payload(issuer), ec),
    },
    { name: '[S93] a member twice, deeper', token: signParts(head, deeper(issuer), ec) },
    { name: 'payload is an array', token: signParts(head, [payload(issuer)], ec) },
    { name: 'payload is null', token: signParts(head, 'null', ec) },
    { name: 'payload is a text', token: signParts(head, '"text"', ec) },
    { name: 'payload is no JSON', token: signParts(head, '{', ec) },
    { name: 'payload after a byte order mark', token: signParts(head, `\uFEFF${JSON.stringify(payload(issuer))}`, ec) },
    { name: 'header is an array', token: signParts([head], payload(issuer), ec) },
    { name: 'payload is not UTF-8', token: notUtf8(issuer, ec) },
    { name: '17 kB', token: mint(issuer, ec, { x: 'x'.repeat(12_800) }) },
  ]
}

function deeper(issuer: string): string {
  return JSON.stringify(payload(issuer, { list: [{ a: 1 }] })).replace('{"a":1}', '{"a":1,"b":{},"a":2}')
}

/** 256 bytes leave unused bits in their last base64url character: another character there decodes to the same bytes. */
function nonCanonical(issuer: string, rsa: SigningKey): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const token = mint(issuer, rsa)
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.slice(-1)) + 1]
}

function notUtf8(issuer: string, ec: SigningKey): string {
  const body = Buffer.concat([
    Buffer.from(JSON.stringify(payload(issuer, { x: 'q' })).slice(0, -2)),
    Buffer.from([0xff]),
    Buffer.from('"}'),
  ])
  const input = `${part({ typ: 'at+jwt', alg: 'ES256', kid: ec.kid })}.${body.toString('base64url')}`
  return `${input}.${signatureOf(input, ec).toString('base64url')}`
}
