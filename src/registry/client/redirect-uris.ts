/**
 * Which addresses a client may register to be sent back to.
 *
 * Requests are compared with the registered text character by character; this file keeps out of the register what a
 * browser or an operating system could read in two ways (RFC 9700 section 2.1, RFC 8252 sections 7 and 8).
 */

export interface RedirectRules {
  readonly native: boolean
  readonly production: boolean
}

// The parameters of an authorization response. A registered parameter of the same name would hide the real one (RFC
// 6749 section 4.1.2, RFC 9207).
const RESPONSE_PARAMETERS = [
  'code',
  'state',
  'iss',
  'error',
  'error_description',
  'error_uri',
  'response',
  'id_token',
  'access_token',
  'token_type',
  'expires_in',
  'scope',
  'session_state',
]

/** The accepted form (completes "it wants …"), or `undefined` when the address is valid. */
export function redirectUriWants(uri: string, rules: RedirectRules): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(uri)) return 'plain ASCII without spaces (an international host in its xn-- form)'
  if (/[\\*]/.test(uri)) return 'the complete address, without wildcard or backslash: each one is compared exactly'
  if (uri.includes('#')) return 'an address without fragment'
  const url = URL.parse(uri)
  if (url === null) return 'an absolute address such as https://app.example/callback'
  if (url.username !== '' || url.password !== '') return 'an address without user or password'
  if (/(^|\/)(\.|%2e){1,2}(\/|\?|$)/i.test(uri.replace(/^[a-z][a-z0-9+.-]*:/i, '')))
    return 'a path without dot segments'
  const reserved = RESPONSE_PARAMETERS.find((name) => url.searchParams.has(name))
  if (reserved !== undefined) return `a query without "${reserved}", which the response itself carries`
  return schemeWants(url, rules)
}

/** The origin that a browser gives a page of this address; `undefined` for a private-use scheme, whose origin is opaque. */
export function originOf(uri: string): string | undefined {
  const origin = URL.parse(uri)?.origin
  return origin === 'null' ? undefined : origin
}

/** Whether a host name means this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host)
}

function schemeWants(url: URL, rules: RedirectRules): string | undefined {
  if (url.protocol === 'https:' && rules.native && isLoopback(url.hostname))
    return 'http on this machine: a native app has no certificate for it'
  if (url.protocol === 'https:') return undefined
  if (url.protocol === 'http:') return rules.native ? nativeHttpWants(url) : webHttpWants(url, rules)
  if (!rules.native) return 'https: other schemes are for clients with application_type: native'
  // RFC 8252 section 7.1: a name under a domain that the maker controls, so that no other app claims it by accident.
  if (!/^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(url.protocol)) {
    return 'https, http on 127.0.0.1 or [::1], or a scheme in reverse-domain form such as com.example.app:/callback'
  }
  return undefined
}

function nativeHttpWants(url: URL): string | undefined {
  // "localhost" may resolve to something else than the loopback interface; it is worse than an address and not forbidden
  // (RFC 8252 section 8.3), and many native programs listen under no other name.
  if (isLoopback(url.hostname)) return undefined
  return 'https, or http on 127.0.0.1, [::1] or localhost'
}

function webHttpWants(url: URL, rules: RedirectRules): string | undefined {
  if (rules.production) return 'https: in production http would send codes in clear'
  return isLoopback(url.hostname) ? undefined : 'https (http only on localhost, 127.0.0.1 or [::1])'
}

function isLoopbackAddress(host: string): boolean {
  return host === '[::1]' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
