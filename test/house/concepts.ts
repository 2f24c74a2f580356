/** The concepts that ARCHITECTURE.md keeps out of folders, and how a source file betrays that it knows one. */

interface Signs {
  /** Packages and modules of Node, also imported for their types. */
  readonly packages?: readonly string[]
  /** Folders of src/ with a slash, or files. */
  readonly files?: readonly string[]
  /** Names of types, values and members. */
  readonly names?: readonly string[]
  /** Whole string literals, or what they begin with when the entry ends in `…`. */
  readonly texts?: readonly string[]
  /** What to do instead. */
  readonly remedy: string
}

const HTTP_MODULES = ['node:http', 'node:https', 'node:http2']

export const CONCEPTS = {
  'HTTP types': {
    packages: [...HTTP_MODULES, 'koa', '@koa/router', 'express', 'fastify'],
    names: [
      'IncomingMessage',
      'ServerResponse',
      'IncomingHttpHeaders',
      'OutgoingHttpHeaders',
      'Request',
      'Response',
      'Headers',
    ],
    remedy: 'Read what is needed from the request in http/ and pass plain values.',
  },
  Koa: {
    packages: ['koa', '@koa/router'],
    remedy: 'Write Koa middleware in http/.',
  },
  'OAuth parameters': {
    packages: ['oidc-provider', 'openid-client'],
    names: [
      'redirect_uri',
      'redirect_uris',
      'grant_type',
      'response_type',
      'code_challenge',
      'code_verifier',
      'refresh_token',
    ],
    texts: ['redirect_uri', 'grant_type', 'response_type', 'code_challenge', 'code_verifier'],
    remedy: 'Translate the parameter where the protocol is spoken and pass a value in camelCase.',
  },
  'how a token looks on the wire': {
    packages: ['jose'],
    names: ['decodeJwt', 'decodeProtectedHeader', 'jwtVerify', 'SignJWT', 'CompactSign'],
    texts: ['at+jwt', 'Bearer …', 'DPoP …'],
    remedy: 'Take the claims that are needed as arguments; tokens are read where the engine is.',
  },
  'the engine': {
    packages: ['oidc-provider'],
    remedy: 'Ask for it through an interface that the engine folder exports.',
  },
  'kinds of store': {
    packages: ['ioredis', 'node:sqlite'],
    files: ['store/redis/', 'store/embedded/'],
    names: ['RedisStore', 'EmbeddedStore'],
    remedy: 'Use the contract in store/store.ts; only store/open-store.ts chooses between its makers.',
  },
} as const satisfies Record<string, Signs>

export type Concept = keyof typeof CONCEPTS

export function signsOf(concept: Concept): Signs {
  return CONCEPTS[concept]
}
