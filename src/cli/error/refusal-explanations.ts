/**
 * What each refusal of a protocol endpoint means, and what the operator or the developer of the application can do.
 *
 * The error codes are those of the specifications; the detail of the log line tells apart what they have in common.
 */

import type { Explanation } from './fault-explanations.ts'

/** What the line of the log says of a refusal. */
export interface RefusalLine {
  readonly error: string
  readonly detail?: string | undefined
  readonly client?: string | undefined
}

interface Known {
  readonly error: string
  /** Any detail unless set. */
  readonly detail?: RegExp
  readonly cause: string
  readonly remedy: string
}

/** The first that fits explains a refusal. `CLIENT` stands for the client of the line. */
const REFUSALS: readonly Known[] = [
  {
    error: 'invalid_redirect_uri',
    cause:
      'The redirect URI of the request is not registered for the client. It is compared character by character: scheme, host, port, path, upper and lower case, and a slash at the end count.',
    remedy:
      'Correct the address in the application, or register the one that it sends: grantor clients set CLIENT redirect_uris=[ADDRESS] with every address of the client.',
  },
  {
    error: 'invalid_client',
    detail: /^right secret by/,
    cause: 'The secret is right, but the client sends it by a method that its settings do not accept.',
    remedy:
      'Set the method in the application, or accept it: grantor clients set CLIENT accepted_auth_methods=[client_secret_basic, client_secret_post].',
  },
  {
    error: 'invalid_client',
    detail: /secret/,
    cause: 'The client sent a wrong secret, or none.',
    remedy:
      'Give the application the secret of this client. If it is lost, grantor clients rotate-secret CLIENT makes another; the old one stays valid for a while.',
  },
  {
    error: 'invalid_client',
    detail: /\b(?:expired|future|iat|nbf|exp)\b/,
    cause:
      'The assertion of the client is out of its time: the clock of the client or of this server is wrong, or the assertion was made too early.',
    remedy:
      'Compare both clocks with the true time (NTP), and let the client make a new assertion for each request, valid for a minute.',
  },
  {
    error: 'invalid_client',
    detail: /\baud\b/,
    cause: 'The assertion of the client is for another audience than the issuer.',
    remedy:
      'Let the client put the issuer identifier into `aud`, or allow the token endpoint in the settings of the client (docs/settings.md).',
  },
  {
    error: 'invalid_client',
    detail: /jwks|fetch/,
    cause: 'The keys of the client could not be fetched or do not fit its assertion.',
    remedy: 'Open the `jwks_uri` of the client from this machine; it has to answer with the public key that signed.',
  },
  {
    error: 'invalid_client',
    cause: 'The client is unknown or disabled, or it did not prove who it is.',
    remedy:
      'Compare the client_id with `grantor clients list`; `grantor clients show CLIENT` has the method by which it authenticates.',
  },
  {
    error: 'invalid_request',
    detail: /PKCE|code_challenge/,
    cause: 'The request has no code challenge. PKCE with S256 is required of every client (RFC 7636).',
    remedy:
      'Switch PKCE on in the library of the application: it sends code_challenge and code_challenge_method=S256, and later code_verifier.',
  },
  {
    error: 'invalid_request',
    detail: /^origin \S+ not allowed/,
    cause: 'A script of a web page asked from an origin that is not one of the client’s (CORS).',
    remedy:
      'A browser may ask from the origins of the registered redirect URIs: register one of this origin (grantor clients set CLIENT redirect_uris=[…]), or open the application at its registered origin.',
  },
  {
    error: 'invalid_request',
    cause: 'A parameter of the request is missing, malformed, or stands there twice.',
    remedy: 'The detail names the parameter. Correct the request that the application sends.',
  },
  {
    error: 'invalid_scope',
    cause: 'The request asks for scopes of which the client may have none.',
    remedy:
      'Correct the spelling, or allow the scope: `scopes` of the client for openid, profile, email and offline_access, `apis` of the client for scopes of an API (grantor clients show CLIENT).',
  },
  {
    error: 'invalid_target',
    cause: 'No API has the audience that the request names as `resource`, or the client may not use this API.',
    remedy:
      'Compare it with `grantor apis list`, and add the API to `apis` of the client (grantor clients show CLIENT).',
  },
  {
    error: 'invalid_grant',
    detail: /consumed|already used/,
    cause:
      'The code or the refresh token was used before. Everything that the first use gave has ended, because one of the two uses may be an attacker’s.',
    remedy:
      'Let the application redeem a code once, and keep the newest refresh token. The person has to sign in again.',
  },
  {
    error: 'invalid_grant',
    detail: /code_verifier|verifier/,
    cause: 'The code verifier does not belong to the code challenge of the authorization request.',
    remedy:
      'Let the application keep the verifier of the request that it redeems, for instance in the session of the same browser tab.',
  },
  {
    error: 'invalid_grant',
    detail: /redirect_uri/,
    cause: 'The redirect URI differs from the one of the authorization request.',
    remedy: 'Send the same redirect_uri in both requests.',
  },
  {
    error: 'invalid_grant',
    detail: /not found|expired/,
    cause: 'The code or the refresh token has expired, was ended, or was never issued here. A code lives for a minute.',
    remedy:
      'Redeem the code at once. For refresh tokens see lifetimes.refresh_token; `grantor audit` says what ended it. The person has to sign in again.',
  },
  {
    error: 'invalid_grant',
    cause: 'The grant behind the code or the token does not allow this request.',
    remedy: 'The detail says why. The person has to sign in again.',
  },
  {
    error: 'unauthorized_client',
    cause: 'The client may not use this grant type or response type.',
    remedy: 'Add it to grant_types of the client (grantor clients set CLIENT grant_types=[…]), or correct the request.',
  },
  {
    error: 'unsupported_grant_type',
    cause: 'This server has no such grant type.',
    remedy: 'Use authorization_code with PKCE for people, client_credentials for machines, and refresh_token.',
  },
  {
    error: 'unsupported_response_type',
    cause: 'This server answers authorization requests with a code only.',
    remedy: 'Set response_type=code in the application.',
  },
  {
    error: 'invalid_token',
    cause: 'The access token is expired, revoked, or not for this endpoint.',
    remedy: '`grantor token inspect --store < token.txt` says which.',
  },
  {
    error: 'login_required',
    cause: 'The application asked for a silent sign-in (prompt=none), and this browser has no session.',
    remedy: 'Send the person through a sign-in without prompt=none.',
  },
  {
    error: 'consent_required',
    cause:
      'The application asked for a silent sign-in (prompt=none), and the person has not agreed to what it asks for.',
    remedy: 'Send the person through an authorization request without prompt=none.',
  },
  {
    error: 'invalid_dpop_proof',
    cause: 'The DPoP proof is missing, malformed, for another request, too old, or was used before (RFC 9449).',
    remedy: 'Let the client make a new proof for each request. If the detail speaks of time, compare the clocks.',
  },
]

export function explainRefusal({ error, detail = '', client }: RefusalLine): Explanation {
  const known = REFUSALS.find((one) => one.error === error && (one.detail?.test(detail) ?? true))
  if (known === undefined) {
    return { cause: detail || 'The specification of the endpoint names this error.', remedy: 'See docs/errors.md.' }
  }
  const named = (text: string) => (client === undefined ? text : text.replaceAll('CLIENT', client))
  return { cause: known.cause, remedy: named(known.remedy) }
}
