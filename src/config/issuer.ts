/**
 * The issuer identifier. Verifiers compare it byte for byte (RFC 8414 section 3.3), so only one spelling is accepted.
 */

import { isLoopback } from '../registry/client/redirect-uris.ts'

/** The accepted form (completes "it wants …"), or `undefined` when the issuer is valid. */
export function issuerWants(issuer: string, production: boolean): string | undefined {
  const url = URL.parse(issuer)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'an address such as https://auth.example.com'
  // `origin` is the address without path, query and user, in lower case and without the default port.
  if (issuer !== url.origin) return `scheme, host and optional port only, without trailing slash: ${url.origin}`
  if (url.protocol === 'https:') return undefined
  if (production) return `https: ${issuer.replace('http:', 'https:')}`
  return isLoopback(url.hostname) ? undefined : 'https, or http on localhost, 127.0.0.1 or [::1]'
}
