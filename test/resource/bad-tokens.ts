/**
 * Access tokens whose claims are not what RFC 9068 asks for, as data. What else can be wrong with a JWT, and every server
 * at which it is presented, stands in test/feature/tokens/jose/.
 */

import { AUDIENCE, mint, NOW, type StrangeIssuer } from './issuer.ts'

export interface BadToken {
  readonly name: string
  readonly token: string
  /** `token_invalid` unless said otherwise. */
  readonly code?: 'token_expired'
}

export function badTokens(at: StrangeIssuer): BadToken[] {
  return [...badClaims(at), ...badTimes(at)]
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
