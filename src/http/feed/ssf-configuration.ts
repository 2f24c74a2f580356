/**
 * The metadata of this server as a transmitter of security events (Shared Signals Framework 1.0, "Transmitter
 * Configuration Metadata").
 */

import { documentOf, ENGINE_PATHS, type PreparedDocument } from '../../engine/port.ts'
import { SSF_POLL } from '../routes.ts'

const POLL = 'urn:ietf:rfc:8936'
const PUSH = 'urn:ietf:rfc:8935'
/** Asked for in the way of OAuth: a receiver that polls has an access token. */
const OAUTH = 'urn:ietf:rfc:6749'

/**
 * Streams are declared by the operator, so there is nothing to configure by an API and no endpoint for it. That leaves
 * out where to poll, which a stream's configuration would say; `poll_endpoint` is our own word.
 */
export function ssfConfiguration({
  issuer,
  pushes,
}: {
  readonly issuer: string
  /** Whether there is a receiver to push to. */
  readonly pushes: boolean
}): PreparedDocument {
  return documentOf({
    spec_version: '1_0',
    issuer,
    jwks_uri: issuer + ENGINE_PATHS.jwks,
    delivery_methods_supported: pushes ? [POLL, PUSH] : [POLL],
    authorization_schemes: [{ spec_urn: OAUTH }],
    poll_endpoint: issuer + SSF_POLL,
  })
}
