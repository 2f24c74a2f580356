/**
 * The routes that publish revocations: the feed (docs/revocation.md), and the same as standard security events.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { RevocationLog } from '../../revocation/revocation-log.ts'
import type { EventReceivers } from '../../revocation/security-events/receivers.ts'
import type { Log } from '../../audit/log.ts'
import type { Clock } from '../../base/clock.ts'
import { type CurrentEngine, type PreparedDocument, REVOCATIONS } from '../../engine/port.ts'
import type { Store } from '../../store/store.ts'
import { SSF_POLL } from '../routes.ts'
import { createSyncPoint } from './sync-point.ts'
import { createFeedAuthenticator } from './authenticator.ts'
import { createRevocationFeed } from './feed.ts'
import { createPollEndpoint } from './poll.ts'
import { createProblems } from './problems.ts'
import { ssfConfiguration } from './ssf-configuration.ts'

export interface RevocationsParts {
  readonly issuer: string
  readonly current: CurrentEngine
  readonly revocationLog: RevocationLog
  readonly receivers: EventReceivers
  /** Whether security events are pushed to a receiver. */
  readonly pushes: boolean
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
}

interface Door {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
}

export interface Revocations {
  /** The handler of this path; `undefined` when it is not one of these routes. */
  at(path: string): Door | undefined
  readonly ssfConfiguration: PreparedDocument
  /** Ends every stream and answers all waiting requests at once. */
  close(): void
}

export function createRevocations(parts: RevocationsParts): Revocations {
  const syncPoint = createSyncPoint(parts)
  const authenticator = createFeedAuthenticator(parts)
  const problems = createProblems({ ...parts, authenticator })
  const feed = createRevocationFeed({ ...parts, syncPoint, authenticator, problems })
  const poll = createPollEndpoint({ ...parts, syncPoint, authenticator, problems })
  const doors = new Map<string, Door>([
    [REVOCATIONS, feed],
    [SSF_POLL, poll],
  ])

  return {
    at: (path) => doors.get(path),
    ssfConfiguration: ssfConfiguration(parts),
    close() {
      feed.close()
      poll.close()
    },
  }
}
