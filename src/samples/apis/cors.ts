/**
 * Which pages may call the sample APIs from a browser: only those of the sample SPA.
 *
 * No `Access-Control-Allow-Credentials`: the token travels in a header, so no cookie is needed.
 */

export interface CorsRules {
  /** The SPA's origin, exactly as browsers send it. */
  readonly allowedOrigin: string
  readonly methods: readonly string[]
}

/** The CORS headers for a request from `origin`. `Vary` always, so that no cache mixes origins up. */
export function corsHeaders(origin: string | undefined, { allowedOrigin, methods }: CorsRules): Record<string, string> {
  if (origin !== allowedOrigin) return { Vary: 'Origin' }
  return {
    Vary: 'Origin',
    'Access-Control-Allow-Origin': allowedOrigin,
    'Access-Control-Allow-Methods': methods.join(', '),
    'Access-Control-Allow-Headers': 'Authorization, Content-Type',
    // Without this a page cannot read why it was refused.
    'Access-Control-Expose-Headers': 'WWW-Authenticate',
    'Access-Control-Max-Age': '600',
  }
}
