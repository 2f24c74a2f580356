/** The issuer identifier: compared byte for byte by everybody (RFC 8414 section 3.3), so there is one way to write it. */

import { isLoopback } from '../registry/client/redirect-uris.ts'

/** What the issuer should have been (completes "it wants …"), or `undefined` when it is fine. */
export function issuerWants(issuer: string, production: boolean): string | undefined {
  const url = URL.parse(issuer)
  if (url === null || !/^https?:$/.test(url.protocol)) return 'an address such as https://auth.example.com'
  // `origin` is the address without path, query and user, in lower case and without the default port.
  if (issuer !== url.origin) return `scheme, host and optional port only, without trailing slash: ${url.origin}`
  if (url.protocol === 'https:') return undefined
  if (production) return `https: ${issuer.replace('http:', 'https:')}`
  return isLoopback(url.hostname) ? undefined : 'https, or http on localhost, 127.0.0.1 or [::1]'
}
