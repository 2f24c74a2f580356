/**
 * The properties of the engine's models that the fast path knows.
 *
 * The fast path issues and reads tokens without the engine, so it would ignore an unknown property (for example a new
 * way to bind a token to a key). These lists are compared with the models' own when an engine is built. With any
 * difference, every request goes through the engine.
 */

import type { Provider } from 'oidc-provider'

/** What binds a token to a key, or has it give more than its scopes say. A token with any of these is left to the engine. */
const LEFT_TO_ENGINE = ['claims', 'rar', 'jkt', 'x5t#S256', 'attestationJkt', 'dpopJkt'] as const

const OF_ALL = ['iat', 'exp', 'jti', 'kind', 'clientId']
const OF_SIGN_IN = [
  'accountId',
  'acr',
  'amr',
  'authTime',
  'nonce',
  'sessionUid',
  'sid',
  'expiresWithSession',
  'grantId',
]
const OF_PERSON = [...OF_ALL, 'accountId', 'grantId', 'gty', 'sessionUid', 'sid', 'expiresWithSession', 'scope']

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  AuthorizationCode: [
    ...[
      ...OF_ALL,
      ...OF_SIGN_IN,
      'consumed',
      'resource',
      'scope',
      'codeChallenge',
      'codeChallengeMethod',
      'redirectUri',
    ],
    ...['claims', 'rar', 'attestationJkt', 'dpopJkt'],
  ],
  RefreshToken: [
    ...[...OF_ALL, ...OF_SIGN_IN, 'consumed', 'resource', 'scope', 'gty', 'rotations', 'iiat'],
    ...['claims', 'rar', 'jkt', 'x5t#S256', 'attestationJkt'],
  ],
  AccessToken: [...OF_PERSON, 'aud', 'extra', 'claims', 'rar', 'jkt', 'x5t#S256'],
  ClientCredentials: [...OF_ALL, 'aud', 'extra', 'scope', 'rar', 'jkt', 'x5t#S256'],
  Grant: [...OF_ALL, 'accountId', 'resources', 'openid', 'rejected', 'rar'],
}

export function isLeftToEngine(token: object): boolean {
  return LEFT_TO_ENGINE.some((name) => Reflect.get(token, name) !== undefined)
}

/** Where this engine's models and the lists differ, as `AccessToken: unknown NAME`; empty where the fast path is safe. */
export function propertyDifferences(provider: Provider): string[] {
  return Object.entries(KNOWN).flatMap(([model, known]) => {
    const { IN_PAYLOAD: present = [] } = Reflect.get(provider, model) as { readonly IN_PAYLOAD?: readonly string[] }
    return [
      ...present.filter((name) => !known.includes(name)).map((name) => `${model}: unknown ${name}`),
      ...known.filter((name) => !present.includes(name)).map((name) => `${model}: missing ${name}`),
    ]
  })
}
