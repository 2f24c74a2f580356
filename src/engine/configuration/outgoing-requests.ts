/** What the server fetches for clients: their keys, at `jwks_uri`. */

import type { Configuration } from 'oidc-provider'

import type { Log } from '../../audit/log.ts'

interface Parts {
  readonly privateHosts: readonly string[]
  readonly log: Pick<Log, 'event'>
}

/**
 * A client whose keys cannot be had is told only that it did not authenticate, so the log says why. The engine's dispatcher
 * keeps connections off private addresses, whatever a name resolves to; it is left out for the hosts of the settings alone.
 */
export function outgoingRequests({ privateHosts, log }: Parts): Pick<Configuration, 'fetch'> {
  return {
    async fetch(url, options) {
      const { href, hostname } = new URL(url)
      const address = href.replace(/[?#].*$/, '')
      const isAllowed = privateHosts.includes(hostname)
      try {
        const response = await globalThis.fetch(url, isAllowed ? undispatched(options) : options)
        if (!response.ok) log.event('fetch_failed', { address, reason: `status ${response.status}` })
        return response
      } catch (error) {
        const reason = ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message
        log.event('fetch_failed', { address, reason })
        throw error
      }
    },
  }
}

function undispatched(options: RequestInit | undefined): RequestInit {
  const { dispatcher: _keptOffPrivateAddresses, ...rest } = { ...options } as RequestInit & { dispatcher?: unknown }
  return rest
}
