/** The public port: pages, the revocation feed and the engine behind one dispatcher, on one listener. */

import type { Config } from '../config/config.ts'
import type { CurrentEngine } from '../engine/port.ts'
import { createDispatch, type DispatchParts } from './dispatch.ts'
import { createRevocations, type RevocationsParts } from './feed/routes.ts'
import { boundsFor } from './listener/connections.ts'
import { fileLimit } from './listener/file-limit.ts'
import { type Listener, listen } from './listener/listen.ts'
import { createPages, type PagesOptions } from './pages/pages.ts'
import type { Views } from './pages/views.ts'
import { createTrust } from './request-facts.ts'
import { developmentPages } from './tour/development.ts'

/** The parts of the core that the public port needs. */
export interface HttpCore
  extends Pick<RevocationsParts, 'clock' | 'log' | 'receivers' | 'revocationLog' | 'store'>,
    Pick<PagesOptions, 'accounts' | 'audit' | 'logins'>,
    Pick<DispatchParts, 'verifiers'>,
    Pick<NonNullable<PagesOptions['account']>, 'apis' | 'clients' | 'consents' | 'revocation'> {
  readonly config: Config
  readonly keyring: { current(): { readonly csrfKey: Uint8Array } }
}

export interface HttpParts {
  readonly current: CurrentEngine
  readonly views: Views
  /** Several processes listen on the port. */
  readonly sharesPort: boolean
}

/** Throws `PortUnusable` when the port is taken or may not be bound. */
export async function serve(core: HttpCore, { current, views, sharesPort }: HttpParts): Promise<Listener> {
  const { config, log, apis, clients, consents, revocation } = core
  const { issuer, lifetimes, production, trustProxy, wellKnown, host, port } = config
  let selfUrl = ''
  const pages = createPages({
    ...core,
    views,
    ...{
      issuer,
      production,
      lifetimes,
      wellKnown,
      csrfKey: core.keyring.current().csrfKey,
      interactions: current.interactions,
    },
    account: { sessions: current.sessions, clients, apis, consents, revocation },
    ...developmentPages(config, () => selfUrl),
  })
  const revocations = createRevocations({ ...core, issuer, current, pushes: config.receivers.length > 0 })
  const dispatch = createDispatch({
    ...{ ...core, issuer, trustProxy, current, pages, revocations, maxAgeSeconds: config.keys.maxAgeSeconds },
  })
  const listener = await listen(dispatch, {
    ...{ host, port, sharesPort, bounds: boundsFor(fileLimit(), createTrust(trustProxy)) },
    onFull: (held) => log.event('connections_full', { held }),
  })
  selfUrl = listener.url
  return {
    ...listener,
    close(graceMs) {
      // Streams and long polls have no end of their own.
      revocations.close()
      return listener.close(graceMs)
    },
  }
}
