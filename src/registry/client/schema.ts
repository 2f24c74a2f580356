/**
 * A client as grantor.yaml writes it. The names are those of OpenID Connect client metadata where one exists.
 *
 * This file has the rules for each field; rules.ts has the rules between fields.
 */

import { z } from 'zod'

import { OPENID_SCOPES } from '../api/rules.ts'
import { duration } from '../duration-setting.ts'
import { ID_TOKEN_ALGORITHMS, RESPONSE_MODES } from './client.ts'
import { mapping } from '../problems.ts'

const ID_WANTS = '1 to 200 letters, digits and -._~:/@'
const ADDRESSES_WANT = 'a list of addresses'
const HASH_WANTS = 'the SHA-256 of the secret in base64url or hex, or a list of two'
const FILE_WANTS = 'the path of a file'
const SECRET_METHODS = ['client_secret_basic', 'client_secret_post'] as const
const METHODS_WANT = 'a list of client_secret_basic, client_secret_post'
const MODES_WANT = 'a list of query, form_post, fragment'
const LONGEST_IDEMPOTENT_WINDOW = '60s'

const secretHashSchema = z
  .string({ error: HASH_WANTS })
  .regex(/^([A-Za-z0-9_-]{43}|[0-9a-fA-F]{64})$/, { error: HASH_WANTS })

const refreshSchema = mapping({
  rotation: z
    .enum(['auto', 'always', 'never'], { error: 'auto, always or never' })
    .default('auto')
    .describe('Whether each use gives a new refresh token; auto: for public clients that are not sender-constrained.'),
  idempotent_window: duration('0s', LONGEST_IDEMPOTENT_WINDOW)
    .optional()
    .describe(
      'For this long after a rotation the same client gets the same successor again, because its response may have been lost; 0 turns it off. Unset: 30s for a client that authenticates and for tokens bound to a key, 5s for others, because an attacker could ask as well.',
    ),
})

export const clientSchema = mapping({
  client_id: z
    .string({ error: ID_WANTS })
    .regex(/^[\w\-.~:/@]{1,200}$/, { error: ID_WANTS })
    .describe('The identifier; it may not begin with usr_ or grantor-, as accounts and pages of the server do.'),
  client_name: z
    .string({ error: 'a short text' })
    .min(1)
    .max(100)
    .optional()
    .describe('How pages name it; unset: the client_id.'),
  application_type: z
    .enum(['web', 'native'], { error: 'web or native' })
    .default('web')
    .describe('native: an app on a device, which may use loopback and private-use redirect URIs.'),
  token_endpoint_auth_method: z
    .enum(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'], {
      error: 'none, client_secret_basic, client_secret_post or private_key_jwt',
    })
    .default('client_secret_basic')
    .describe('How it proves who it is; none: a public client.'),
  accepted_auth_methods: z
    .array(z.enum(SECRET_METHODS, { error: SECRET_METHODS.join(' or ') }), { error: METHODS_WANT })
    .min(1, { error: METHODS_WANT })
    .optional()
    .describe(
      'How its secret may come: in the header (client_secret_basic), in the body (client_secret_post). Unset: both, since libraries differ in which they use.',
    ),
  client_secret: z
    .string({ error: 'a text in quotes' })
    .min(1, { error: 'a text in quotes' })
    .optional()
    .describe('The secret in clear; at least 256 random bits.'),
  client_secret_file: z.string({ error: FILE_WANTS }).optional().describe('The file that holds the secret.'),
  client_secret_sha256: z
    .union([secretHashSchema, z.tuple([secretHashSchema, secretHashSchema])], { error: HASH_WANTS })
    .optional()
    .describe(
      'The SHA-256 of the secret (`grantor clients secret` prints one), so that the file holds no secret; a list of two while the first replaces the second. In production a secret that cannot hold 256 random bits is never right, and the hash of a common one is refused.',
    ),
  jwks: z
    .object(
      { keys: z.array(z.record(z.string(), z.unknown())).min(1) },
      { error: 'a JWK Set: a mapping with a list `keys`' },
    )
    .optional()
    .describe('private_key_jwt: its public keys.'),
  jwks_uri: z.string({ error: 'an https address' }).optional().describe('private_key_jwt: where its public keys are.'),
  assertion_audience: z
    .enum(['issuer', 'token_endpoint'], { error: 'issuer or token_endpoint' })
    .default('issuer')
    .describe(
      'private_key_jwt: what its assertions name in `aud`. token_endpoint is for older clients and takes the issuer as well; an assertion for an address could have been meant for another server.',
    ),
  grant_types: z
    .array(
      z.enum(['authorization_code', 'refresh_token', 'client_credentials'], {
        error: 'authorization_code, refresh_token or client_credentials',
      }),
      {
        error: 'a list of grant types',
      },
    )
    .default(['authorization_code'])
    .describe('How it may get tokens; empty: it only introspects tokens of an API that names it in introspected_by.'),
  redirect_uris: z
    .array(z.string({ error: 'an address' }), { error: ADDRESSES_WANT })
    .default([])
    .describe('Where browsers may be sent back to, compared exactly.'),
  post_logout_redirect_uris: z
    .array(z.string({ error: 'an address' }), { error: ADDRESSES_WANT })
    .default([])
    .describe('Where browsers may be sent after a logout, compared exactly.'),
  scopes: z
    .array(
      z.enum(OPENID_SCOPES, { error: `one of ${OPENID_SCOPES.join(', ')}; the scopes of APIs stand under apis` }),
      {
        error: 'a list of scopes',
      },
    )
    .optional()
    .describe('OpenID scopes it may ask for; unset: openid for authorization_code, else none.'),
  apis: z
    .record(z.string(), z.array(z.string({ error: 'a scope' }), { error: 'a list of scopes' }), {
      error: 'a mapping from audience to a list of scopes',
    })
    .default({})
    .describe('The APIs it may call, each with the scopes it may ask for.'),
  default_scopes: z
    .array(z.string({ error: 'a scope' }), { error: 'a list of scopes' })
    .min(1, { error: 'a list of scopes' })
    .optional()
    .describe(
      'What it asks for where its request names no scope; unset: all scopes that it has at one API. The answer says which.',
    ),
  response_modes: z
    .array(z.enum(RESPONSE_MODES, { error: `one of ${RESPONSE_MODES.join(', ')}` }), { error: MODES_WANT })
    .min(1, { error: MODES_WANT })
    .default(['query', 'form_post'])
    .describe(
      'How authorization responses may come to it. fragment is for pages that read it there, such as those with MSAL.js; another application would leave the code in the address.',
    ),
  id_token_signed_response_alg: z
    .enum(ID_TOKEN_ALGORITHMS, { error: `one of ${ID_TOKEN_ALGORITHMS.join(', ')}` })
    .default('RS256')
    .describe('What signs its ID tokens. FAPI 2.0 wants ES256 or EdDSA.'),
  require_pushed_authorization_requests: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe('Whether it must push its authorization requests (RFC 9126), as FAPI 2.0 wants.'),
  dpop_bound_access_tokens: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe('Whether it gets tokens only with a DPoP proof (RFC 9449), as FAPI 2.0 wants.'),
  id_token_claims: z
    .array(z.enum(['profile', 'email'], { error: 'profile or email' }), { error: 'a list of profile, email' })
    .default([])
    .describe(
      'The scopes whose claims its ID tokens hold, where they were granted: for software that reads the name or the address there and never asks /userinfo. An ID token travels in URLs, so unset: none.',
    ),
  first_party: z.boolean({ error: 'true or false' }).default(false).describe('Ours: no consent page.'),
  legacy_without_pkce: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe('A confidential client too old for PKCE; a new one never needs this.'),
  refresh: refreshSchema.prefault({}).describe('How its refresh tokens behave.'),
  subject_type: z
    .enum(['public', 'pairwise'], { error: 'public or pairwise' })
    .default('public')
    .describe('pairwise: this sector sees a subject of its own for each person.'),
  disabled: z
    .boolean({ error: 'true or false' })
    .default(false)
    .describe('Known, but nothing is issued to it: what it holds ends at once.'),
  client_uri: z
    .string({ error: 'an https address' })
    .optional()
    .describe('Its start page; an error page leads people back to it.'),
  initiate_login_uri: z
    .string({ error: 'an https address' })
    .optional()
    .describe('Where it begins a sign-in of its own; an error page offers it, with `iss`, to start again.'),
  logo_uri: z
    .string({ error: 'an https address' })
    .optional()
    .describe('The picture on the consent page, at the host of client_uri or of a redirect URI.'),
})

export type ClientEntry = z.output<typeof clientSchema>
