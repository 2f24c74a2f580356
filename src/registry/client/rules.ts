/**
 * From a client as grantor.yaml writes it to the client that the server knows, and the rules that its settings have to
 * keep together. Every broken rule is reported, not only the first.
 */

import { hashHandle } from '../../base/sealing.ts'
import type { ClientEntry } from './schema.ts'
import type { ClientSettings } from './client.ts'
import { jwksWants } from './jwks.ts'
import { type Path, pathText, wrong } from '../problems.ts'
import { type ReadFile, readSecretFile } from '../secrets/secret-file.ts'
import { isLoopback, redirectUriWants } from './redirect-uris.ts'
import { isPrivateHost } from './private-hosts.ts'
import { protocolProblems } from './protocol-rules.ts'
import { isStrongSecret } from '../secrets/secrets.ts'
import type { IsWeakHash } from '../secrets/weak-secrets.ts'

export interface ClientContext {
  readonly production: boolean
  /** Hosts at private addresses from which keys may be fetched. */
  readonly privateHosts?: readonly string[]
  readonly readFile: ReadFile
  readonly problems: string[]
  readonly isWeakHash: IsWeakHash
}

// Account identifiers begin like this. In client credentials tokens the client stands in `sub`, and an API must never
// take it for a person (RFC 9700 section 4.15).
const ACCOUNT_PREFIX = 'usr_'
// The server's own pages are clients under names like this (clients/account-client.ts).
const OWN_PREFIX = 'grantor-'

export function toClient(entry: ClientEntry, path: Path, context: ClientContext): ClientSettings {
  const { problems } = context
  problems.push(
    ...identityProblems(entry, path),
    ...keyProblems(entry, path, context),
    ...protocolProblems(entry, path),
    ...grantProblems(entry, path),
  )
  problems.push(...addressProblems(entry, path, context.production))
  const secrets = secretHashes(entry, path, context)
  return {
    clientId: entry.client_id,
    clientName: entry.client_name ?? entry.client_id,
    applicationType: entry.application_type,
    authMethod: entry.token_endpoint_auth_method,
    ...(entry.accepted_auth_methods === undefined ? {} : { acceptedAuthMethods: entry.accepted_auth_methods }),
    secretHash: secrets[0],
    ...(secrets[1] === undefined ? {} : { oldSecretHash: secrets[1] }),
    ...(context.production && secrets.length > 0 ? { strongSecretOnly: true } : {}),
    jwks: entry.jwks,
    jwksUri: entry.jwks_uri,
    grantTypes: entry.grant_types,
    redirectUris: entry.redirect_uris,
    postLogoutRedirectUris: entry.post_logout_redirect_uris,
    scopes: entry.scopes ?? (entry.grant_types.includes('authorization_code') ? ['openid'] : []),
    apis: entry.apis,
    ...(entry.assertion_audience === 'issuer' ? {} : { assertionAudience: entry.assertion_audience }),
    ...(entry.default_scopes === undefined ? {} : { defaultScopes: entry.default_scopes }),
    ...(isUsual(entry.response_modes) ? {} : { responseModes: entry.response_modes }),
    ...(entry.id_token_signed_response_alg === 'RS256' ? {} : { idTokenAlgorithm: entry.id_token_signed_response_alg }),
    ...(entry.require_pushed_authorization_requests ? { pushedRequestsOnly: true as const } : {}),
    ...(entry.dpop_bound_access_tokens ? { dpopBound: true as const } : {}),
    ...(entry.id_token_claims.length === 0 ? {} : { idTokenClaims: entry.id_token_claims }),
    firstParty: entry.first_party,
    legacyWithoutPkce: entry.legacy_without_pkce,
    refreshRotation: entry.refresh.rotation,
    refreshIdempotentSeconds: entry.refresh.idempotent_window,
    logoUri: entry.logo_uri,
    ...(entry.client_uri === undefined ? {} : { clientUri: entry.client_uri }),
    ...(entry.initiate_login_uri === undefined ? {} : { initiateLoginUri: entry.initiate_login_uri }),
    subjectType: entry.subject_type,
    ...(entry.disabled ? { disabled: true } : {}),
  }
}

function isUsual(modes: ClientEntry['response_modes']): boolean {
  return modes.length === 2 && !modes.includes('fragment') && modes[0] !== modes[1]
}

function identityProblems(entry: ClientEntry, path: Path): string[] {
  const taken = { [ACCOUNT_PREFIX]: 'accounts', [OWN_PREFIX]: "the server's own pages" }
  return Object.entries(taken)
    .filter(([prefix]) => entry.client_id.startsWith(prefix))
    .map(([prefix, whose]) =>
      wrong(
        [...path, 'client_id'],
        entry.client_id,
        `an identifier that does not begin with ${prefix}, as ${whose} do`,
      ),
    )
}

function keyProblems(entry: ClientEntry, path: Path, { production, privateHosts = [] }: KeyContext): string[] {
  const at = (name: string) => pathText([...path, name])
  const given = entry.jwks !== undefined || entry.jwks_uri !== undefined
  if (entry.token_endpoint_auth_method !== 'private_key_jwt') {
    return given
      ? [`${at(entry.jwks === undefined ? 'jwks_uri' : 'jwks')} is set, but only private_key_jwt uses it; remove it.`]
      : []
  }
  if ((entry.jwks === undefined) === (entry.jwks_uri === undefined)) {
    return [`${at('jwks')} or ${at('jwks_uri')} has to be set, and only one of them, for private_key_jwt.`]
  }
  const wants =
    entry.jwks === undefined ? keysWants(entry.jwks_uri, { production, privateHosts }) : jwksWants(entry.jwks)
  return wants === undefined
    ? []
    : [wrong([...path, entry.jwks === undefined ? 'jwks_uri' : 'jwks'], entry.jwks ?? entry.jwks_uri, wants)]
}

function grantProblems(entry: ClientEntry, path: Path): string[] {
  const client = pathText(path)
  const at = (name: string) => `${client}.${name}`
  const grants = new Set(entry.grant_types)
  const isPublic = entry.token_endpoint_auth_method === 'none'
  const withCode = grants.has('authorization_code')
  const rules: [boolean, string][] = [
    [
      isPublic && grants.has('client_credentials'),
      `${at('grant_types')} has client_credentials, which a client without credentials cannot use; choose another token_endpoint_auth_method.`,
    ],
    [
      grants.has('refresh_token') && !withCode,
      `${at('grant_types')} has refresh_token without authorization_code, and only a code gives a refresh token; add it.`,
    ],
    [
      withCode && entry.redirect_uris.length === 0,
      `${at('redirect_uris')} is empty; it wants at least one address for authorization_code.`,
    ],
    [
      grants.size === 0 && Object.keys(entry.apis).length > 0,
      `${at('apis')} is set, but without grant_types it gets no token to call them with; remove it or add a grant type.`,
    ],
    [
      !withCode && entry.redirect_uris.length > 0,
      `${at('redirect_uris')} is set, but grant_types has no authorization_code; remove it or add the grant type.`,
    ],
    [
      !withCode && (entry.scopes?.length ?? 0) > 0,
      `${at('scopes')} is set, but no person signs in without authorization_code; remove it or add the grant type.`,
    ],
    [
      hasOffline(entry) && !grants.has('refresh_token'),
      `${at('scopes')} has offline_access, which needs refresh_token in grant_types; add it.`,
    ],
    [
      hasOffline(entry) && !entry.scopes?.includes('openid'),
      `${at('scopes')} has offline_access without openid, which defines it; add openid.`,
    ],
    // The engine would have to fetch a document to learn the sector (OpenID Connect Core section 8.1).
    [
      entry.subject_type === 'pairwise' && new Set(entry.redirect_uris.map(hostOf)).size > 1,
      `${at('redirect_uris')} has several hosts, and a pairwise client has the subjects of one; declare a client for each host.`,
    ],
    [
      isPublic && entry.legacy_without_pkce,
      `${at('legacy_without_pkce')} is true, but a public client has nothing else than PKCE to protect its codes; remove it.`,
    ],
    // RFC 9700 section 2.2.2: refresh tokens of public clients are sender-constrained or rotated.
    [
      isPublic && entry.refresh.rotation === 'never',
      `${at('refresh')}.rotation is "never"; it wants auto or always for a public client.`,
    ],
  ]
  return rules.filter(([broken]) => broken).map(([, sentence]) => sentence)
}

function hostOf(uri: string): string | undefined {
  return URL.parse(uri)?.host
}

function hasOffline(entry: ClientEntry): boolean {
  return entry.scopes?.includes('offline_access') ?? false
}

function addressProblems(entry: ClientEntry, path: Path, production: boolean): string[] {
  const rules = { native: entry.application_type === 'native', production }
  const lists = (['redirect_uris', 'post_logout_redirect_uris'] as const).flatMap((name) =>
    entry[name].flatMap((uri, at) => refusal([...path, name, at], uri, redirectUriWants(uri, rules))),
  )
  const single = (['logo_uri', 'client_uri', 'initiate_login_uri'] as const).flatMap((name) => {
    const uri = entry[name]
    if (uri === undefined) return []
    const wants = openedWants(uri, production) ?? (name === 'logo_uri' ? logoWants(uri, entry) : undefined)
    return refusal([...path, name], uri, wants)
  })
  return [...lists, ...single]
}

/** The consent page loads the picture: that a person is there is told to the application's own host and to no other. */
function logoWants(
  uri: string,
  { client_uri: clientUri, redirect_uris: redirectUris }: ClientEntry,
): string | undefined {
  const host = URL.parse(uri)?.host
  const isOwn = [clientUri, ...redirectUris].some((own) => own !== undefined && URL.parse(own)?.host === host)
  return isOwn ? undefined : 'an address at the host of client_uri or of a redirect URI'
}

function refusal(path: Path, got: unknown, wants: string | undefined): string[] {
  return wants === undefined ? [] : [wrong(path, got, wants)]
}

type KeyContext = Pick<ClientContext, 'production' | 'privateHosts'>

/** An address from which this server fetches keys. */
function keysWants(uri: string | undefined, { production, privateHosts = [] }: KeyContext): string | undefined {
  const wants = openedWants(uri, production)
  const host = URL.parse(uri ?? '')?.hostname ?? ''
  if (wants !== undefined || !isPrivateHost(host) || privateHosts.includes(host)) return wants
  return 'a public address, because the server fetches nothing from a private one; or name the host in FETCH_PRIVATE_HOSTS'
}

/** An address that this server or a browser opens. */
function openedWants(uri: string | undefined, production: boolean): string | undefined {
  const url = URL.parse(uri ?? '')
  const plain = url !== null && url.username === '' && url.password === '' && url.hash === ''
  if (plain && url.protocol === 'https:') return undefined
  if (plain && url.protocol === 'http:' && !production && isLoopback(url.hostname)) return undefined
  return 'an https address without user, password or fragment'
}

/** The hash of the secret, and of the secret that it replaces. */
function secretHashes(
  entry: ClientEntry,
  path: Path,
  { production, readFile, problems, isWeakHash }: ClientContext,
): string[] {
  const given = (['client_secret', 'client_secret_file', 'client_secret_sha256'] as const).filter(
    (name) => entry[name] !== undefined,
  )
  const needed = entry.token_endpoint_auth_method.startsWith('client_secret_')
  if (!needed) {
    problems.push(
      ...given.map(
        (name) =>
          `${pathText([...path, name])} is set, but ${entry.token_endpoint_auth_method} uses no secret; remove it.`,
      ),
    )
    return []
  }
  if (given.length !== 1) {
    const found = given.length === 0 ? 'none of' : 'more than one of'
    problems.push(
      `${pathText(path)} has ${found} client_secret, client_secret_file, client_secret_sha256; it wants one for ${entry.token_endpoint_auth_method}.`,
    )
    return []
  }
  const at = [...path, given[0] ?? 'client_secret']
  if (entry.client_secret_sha256 !== undefined) {
    const hashes = [entry.client_secret_sha256].flat().map(toBase64url)
    if (production && hashes.some((hash) => isWeakHash(hash, entry.client_id))) {
      problems.push(
        `${pathText(at)} is the hash of a secret that is easy to guess; it wants the hash of 256 random bits: \`npx grantor clients secret\` makes one.`,
      )
    }
    return hashes
  }
  const secret = entry.client_secret ?? readSecretFile(pathText(at), entry.client_secret_file ?? '', readFile, problems)
  if (secret === undefined) return []
  if (production && !isStrongSecret(secret)) {
    problems.push(
      `${pathText(at)} is too weak (its value is not shown); it wants 256 random bits: \`npx grantor clients secret\` makes one.`,
    )
  }
  return [hashHandle(secret)]
}

function toBase64url(sha256: string): string {
  return sha256.length === 64 ? Buffer.from(sha256, 'hex').toString('base64url') : sha256
}
