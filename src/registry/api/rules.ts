/** An API as grantor.yaml declares it: its audience, its scopes with a sentence each, and how its tokens look. */

import { z } from 'zod'

import { type ApiSettings, SIGNING_ALGORITHMS } from './api.ts'
import { ACCESS_TOKEN, duration } from '../duration-setting.ts'
import { isOffered } from './offered-algorithms.ts'
import { mapping, type Path, pathText } from '../problems.ts'
import { type ReadFile, readSecretFile } from '../secrets/secret-file.ts'
import { decodeBytes, weaknessOf } from '../secrets/secrets.ts'

/** Asked of the server itself, not of an API. */
export const OPENID_SCOPES = ['openid', 'profile', 'email', 'offline_access'] as const

// RFC 7518 section 3.2: a key of at least the size of the hash.
const SHARED_SECRET_BYTES = 32
const SHARED_SECRET_WANTS = `at least ${SHARED_SECRET_BYTES} random bytes in base64 or hex: make them with \`openssl rand -base64 32\``

const SHA256_WANTS = 'the SHA-256 of a secret that the store has, in base64url'

const tokenSchema = mapping({
  format: z
    .enum(['jwt', 'opaque'], { error: 'jwt or opaque' })
    .default('jwt')
    .describe('jwt: the API verifies alone; opaque: it asks at /introspect.'),
  algorithm: z
    .enum(SIGNING_ALGORITHMS, { error: `one of ${SIGNING_ALGORITHMS.join(', ')}` })
    .refine((algorithm) => isOffered(algorithm), {
      error: 'Node 24.7 or newer with OpenSSL 3.5 or newer, or another algorithm such as ES256',
    })
    .default('RS256')
    .describe('What signs a JWT. ML-DSA-65 makes tokens of 5 KB: see external-signer.md.'),
  typ: z
    .enum(['at+jwt', 'JWT'], { error: 'at+jwt or JWT' })
    .default('at+jwt')
    .describe(
      'The type in the header of a JWT. at+jwt (RFC 9068) keeps ID tokens out; JWT is for verifiers that refuse at+jwt, such as those of Spring Security and Nimbus by default.',
    ),
  lifetime: duration('1s', ACCESS_TOKEN.longest)
    .prefault(ACCESS_TOKEN.default)
    .describe(`How long an access token is accepted. At most ${ACCESS_TOKEN.longest}.`),
  secret: z
    .string({ error: SHARED_SECRET_WANTS })
    .optional()
    .describe('HS256 only: at least 32 random bytes, shared with the API.'),
  secret_file: z.string({ error: 'the path of a file' }).optional().describe('The file that holds the secret.'),
  secret_sha256: z
    .string({ error: SHA256_WANTS })
    .regex(/^[A-Za-z0-9_-]{43}$/, { error: SHA256_WANTS })
    .optional()
    .describe('Names the secret that the store has already, as `grantor export` writes it.'),
  userinfo: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe(
      'Whether a token for this API may also be used at /userinfo: then it has the scope `openid` and the issuer in `aud`, and the API can read the claims of its scopes. Unset: true, but false with HS256.',
    ),
})

export const apiSchema = mapping({
  audience: z
    .string({ error: 'an absolute URI such as https://orders.example' })
    .refine(isResourceIndicator, { error: 'an absolute URI without fragment, such as https://orders.example' })
    .describe('The identifier that clients ask for (`resource`) and that stands in `aud`.'),
  name: z
    .string({ error: 'a short text' })
    .min(1)
    .max(100)
    .optional()
    .describe('How the consent page names the API; unset: the audience.'),
  scopes: z
    .record(
      z.string().refine(isScope),
      z.string({ error: 'a sentence for the consent page' }).min(1, { error: 'a sentence for the consent page' }),
      {
        error:
          'a mapping from scope to sentence; a scope has no spaces and is none of openid, profile, email, offline_access',
      },
    )
    .default({})
    .describe('Each scope with the sentence that the consent page shows.'),
  token: tokenSchema.prefault({}).describe('How access tokens for this API look.'),
  introspected_by: z
    .array(z.string({ error: 'a client_id' }), { error: 'a list of client_ids' })
    .default([])
    .describe('The clients by which the API asks about its tokens at /introspect; each proves who it is.'),
})

export type ApiEntry = z.output<typeof apiSchema>

/** The API, with the shared secret read and judged. */
export function toApi(entry: ApiEntry, path: Path, readFile: ReadFile, problems: string[]): ApiSettings {
  return {
    audience: entry.audience,
    name: entry.name ?? entry.audience,
    scopes: entry.scopes,
    tokenFormat: entry.token.format,
    algorithm: entry.token.algorithm,
    secret: sharedSecret(entry, [...path, 'token'], readFile, problems),
    ...(entry.token.secret_sha256 === undefined ? {} : { secretSha256: entry.token.secret_sha256 }),
    ...(entry.token.typ === 'JWT' ? { tokenType: 'JWT' as const } : {}),
    accessTokenSeconds: entry.token.lifetime,
    opensUserinfo: opensUserinfo(entry, path, problems),
    introspectedBy: entry.introspected_by,
  }
}

/** An API that shares the secret could make tokens that /userinfo accepts. */
function opensUserinfo({ token }: ApiEntry, path: Path, problems: string[]): boolean {
  const isShared = token.algorithm === 'HS256'
  if (isShared && token.userinfo === true) {
    const at = pathText([...path, 'token', 'userinfo'])
    problems.push(`${at} is true, but a token signed with a shared secret never opens it; remove it.`)
  }
  return !isShared && token.userinfo !== false
}

function sharedSecret(entry: ApiEntry, path: Path, readFile: ReadFile, problems: string[]): Uint8Array | undefined {
  const { algorithm, secret, secret_file: file, secret_sha256: sha256 } = entry.token
  const at = pathText([...path, 'secret'])
  if (algorithm !== 'HS256') {
    if (secret !== undefined || file !== undefined || sha256 !== undefined)
      problems.push(`${at} is set, but only HS256 shares a secret; remove it or set algorithm: HS256.`)
    return undefined
  }
  if (sha256 !== undefined && secret === undefined && file === undefined) return undefined
  if (sha256 !== undefined || (secret === undefined) === (file === undefined)) {
    problems.push(
      `${at} or ${pathText([...path, 'secret_file'])} has to be set, and only one of them, since the algorithm is HS256.`,
    )
    return undefined
  }
  const text = secret ?? readSecretFile(pathText([...path, 'secret_file']), file ?? '', readFile, problems)
  return text === undefined ? undefined : judgeSharedSecret(text, at, problems)
}

function judgeSharedSecret(text: string, at: string, problems: string[]): Uint8Array | undefined {
  const bytes = decodeBytes(text.trim())
  const wrong = bytes === undefined ? 'is neither base64 nor hex' : (tooShort(bytes) ?? weaknessOf(bytes))
  if (wrong === undefined) return bytes
  problems.push(`${at} ${wrong}; it wants ${SHARED_SECRET_WANTS}.`)
  return undefined
}

function tooShort(bytes: Uint8Array): string | undefined {
  return bytes.length < SHARED_SECRET_BYTES ? `has ${bytes.length} bytes` : undefined
}

/** RFC 8707 section 2: an absolute URI, without fragment. */
function isResourceIndicator(text: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(text) && !text.includes('#') && URL.canParse(text)
}

/** RFC 6749 section 3.3: printable ASCII without space, quote and backslash. */
function isScope(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/.test(text) && !(OPENID_SCOPES as readonly string[]).includes(text)
}
