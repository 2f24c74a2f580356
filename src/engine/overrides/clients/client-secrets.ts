/** How a client's secret is compared. */

import { errors, Provider } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../../base/clock.ts'
import { acceptsMethod, isSecretOf, isTooWeak } from '../../../clients/secrets.ts'
import type { ClientAuthMethod, ClientSettings } from '../../../registry/client/client.ts'
import type { ClientFailures } from '../../request/client-failures.ts'
import { settingsOf } from '../../request/client-settings.ts'
import type { Override } from '../override.ts'

export const clientSecrets: Override<SecretParts> = {
  members: ['Client#compareClientSecret'],
  without: 'refuse',
  apply: compareSecretsByHash,
}

/**
 * Secrets are stored as hashes, so the engine's comparison of plain text is replaced. As in the engine, the secret
 * comes from the header or the body, unless the client's settings name one way. A correct secret that was sent the
 * wrong way is reported as such in the log and the audit trail.
 *
 * The check of the limit, the comparison and the count run without a pause between them. So of many requests at the
 * same time no more are compared than of requests one after the other.
 */
function compareSecretsByHash(provider: Provider, { clock, clientFailures }: SecretParts): void {
  provider.Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
    const address = Provider.ctx?.ip ?? ''
    if (clientFailures.secondsToWait(this.clientId, address) !== undefined) return false
    const settings = settingsOf(this)
    const matches = isSecretOf(settings, actual, epochSeconds(clock))
    if (matches && isTooWeak(settings, actual)) throw new errors.InvalidClientAuth(WEAK)
    if (!matches) clientFailures.count(this.clientId, address)
    else if (!acceptsMethod(settings, methodUsed()))
      throw new errors.InvalidClientAuth(wrongMethod(settings, methodUsed()))
    return matches
  }
}

export interface SecretParts {
  readonly clock: Clock
  readonly clientFailures: ClientFailures
}

// For the audit trail; the client learns only that it failed.
const WEAK = 'the secret is too weak for production; make one with `grantor clients secret`'

function wrongMethod({ acceptedAuthMethods = [] }: ClientSettings, used: ClientAuthMethod): string {
  return `right secret by ${used}, but the client accepts ${acceptedAuthMethods.join(', ')} only`
}

function methodUsed(): ClientAuthMethod {
  const inHeader = Provider.ctx?.headers.authorization !== undefined
  return inHeader ? 'client_secret_basic' : 'client_secret_post'
}
