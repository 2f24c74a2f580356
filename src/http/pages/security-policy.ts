/**
 * The Content-Security-Policy of a page: nothing, and then the little that it needs.
 *
 * Chromium holds every redirect that follows a form to the `form-action` of its page, so the page that starts the way
 * back to an application names the application's origin. An application whose redirect URI sends the browser on to a
 * third origin is stopped there. If that bites, answer the last form with a page that refreshes to the next address:
 * that is no form submission any more, and `'self'` is enough for every page.
 */

export interface PagePolicy {
  /** Fresh for each response. */
  readonly nonce: string
  /** Other places that forms may go to: redirect URIs, or addresses that a form posts to. */
  readonly formAction?: readonly string[]
  /** Pictures from elsewhere. */
  readonly images?: readonly string[]
  /** Whether the page runs a script of its own, marked with the nonce. */
  readonly scripts?: boolean
  /** Whether its script may fetch from this server. */
  readonly fetches?: boolean
}

export function pageSecurityPolicy(policy: PagePolicy): string {
  const { nonce, formAction = [], images = [], scripts = false, fetches = false } = policy
  const targets = new Set(formAction.map(formTarget).filter((target) => target !== undefined))
  return [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    scripts ? `script-src 'nonce-${nonce}'` : "script-src 'none'",
    ...(fetches ? ["connect-src 'self'"] : []),
    ["img-src 'self' data:", ...images.map(pictureSource)].join(' '),
    ["form-action 'self'", ...targets].join(' '),
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join('; ')
}

/** The origin, or for an app's own scheme the scheme; `undefined` for what is no address. */
function formTarget(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined
  const url = new URL(address)
  // An address in brackets is no host in the grammar of CSP (Level 3, section 2.3.1), so its scheme must do.
  const hostless = url.origin === 'null' || url.hostname.startsWith('[')
  return hostless ? url.protocol : url.origin
}

/** This one picture. A query cannot stand in a policy, and the characters that end a source are encoded. */
function pictureSource(address: string): string {
  const { origin, pathname } = new URL(address)
  return origin + pathname.replaceAll(';', '%3B').replaceAll(',', '%2C')
}
