/** The metadata of an API, from which a client that knows only its address learns how to request tokens (RFC 9728). */

import { isSafeAddress } from '../issuer/metadata.ts'
import type { Verifier } from '../verifier.ts'

/** The members that the verifier does not know. */
export interface ProtectedResourceOptions {
  /** The scopes that clients may want to ask for. */
  readonly scopes?: readonly string[]
  /** For people. */
  readonly name?: string
  /** The address of a page for developers. */
  readonly documentation?: string
  /** Whether every route takes only tokens that are bound to a DPoP key. */
  readonly dpopRequired?: boolean
  /** Whether every token is bound to a client's certificate. */
  readonly certificateRequired?: boolean
}

export interface ProtectedResource {
  /** Where the document is to be served: the well-known path, with the audience's own path behind it. */
  readonly path: string
  /** The same with the audience's origin; challenges carry it as `resource_metadata` (RFC 9728 section 5.1). */
  readonly url: string
  /** Serve it as JSON, without authentication. */
  readonly document: Readonly<Record<string, unknown>>
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/**
 * The metadata document of the API whose tokens `verifier` checks (RFC 9728 section 2). The audience must be the API's
 * own https address: a client believes the document only when it names the address that it was asked under.
 *
 * Throws a `TypeError` when the audience is no such address.
 *
 * ```ts
 * const resource = protectedResource(verifier, { scopes: ['orders:read'], name: 'Orders' })
 * app.get(resource.path, (_req, res) => res.json(resource.document))
 * app.get('/orders', expressBearer(verifier, { scopes: ['orders:read'], resource }), listOrders)
 * ```
 */
export function protectedResource(
  verifier: Pick<Verifier<unknown>, 'issuer' | 'audience' | 'dpopAlgorithms'>,
  options: ProtectedResourceOptions = {},
): ProtectedResource {
  const { issuer, audience, dpopAlgorithms } = verifier
  if (!isSafeAddress(audience) || /[?#]/.test(audience)) {
    throw new TypeError('protectedResource needs a verifier whose audience is the https address of the API')
  }
  const { origin, pathname } = new URL(audience)
  const path = `${WELL_KNOWN}${pathname.replace(/\/$/, '')}`
  const { scopes, name, documentation, dpopRequired = false, certificateRequired = false } = options
  const document = {
    resource: audience,
    authorization_servers: [issuer],
    // A token in the query or the body is refused.
    bearer_methods_supported: ['header'],
    ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    ...(name === undefined ? {} : { resource_name: name }),
    ...(documentation === undefined ? {} : { resource_documentation: documentation }),
    ...(dpopAlgorithms.length === 0 ? {} : { dpop_signing_alg_values_supported: dpopAlgorithms }),
    ...(dpopRequired ? { dpop_bound_access_tokens_required: true } : {}),
    ...(certificateRequired ? { tls_client_certificate_bound_access_tokens: true } : {}),
  }
  return Object.freeze({ path, url: `${origin}${path}`, document: Object.freeze(document) })
}
