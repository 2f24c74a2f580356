/** How a request object is refused, which this server does not take (OpenID Connect Core section 6.1). */

import type { Provider } from 'oidc-provider'

import { RESPONSE_MODES } from '../../../registry/client/client.ts'
import { Malformed, readObject } from '../../../resource/token/compact.ts'
import { onParams, type Override } from '../override.ts'

export const requestObjects: Override = {
  members: [],
  adds: ['OIDCContext#params'],
  without: 'refuse',
  apply: refuseAsAsked,
}

/**
 * The application may have said within the object alone how the answer is to come, and with which state. It is refused that
 * way, since it looks for the refusal nowhere else. Nothing else of the object is read, and none of it is believed.
 */
function refuseAsAsked(provider: Provider): void {
  onParams(provider, ({ route }, params) => {
    if (route !== 'authorization' || typeof params.request !== 'string') return
    const { response_mode: mode, state } = within(params.request)
    if (params.response_mode === undefined && RESPONSE_MODES.some((one) => one === mode)) params.response_mode = mode
    if (params.state === undefined && typeof state === 'string') params.state = state
  })
}

function within(request: string): Readonly<Record<string, unknown>> {
  try {
    return readObject(request.split('.')[1] ?? '')
  } catch (error) {
    if (error instanceof Malformed) return {}
    throw error
  }
}
