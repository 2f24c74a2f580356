/**
 * Failed client authentication, limited by client and address.
 *
 * By both: a stranger who sends wrong secrets from an address of his own does not keep the client out. Failures with
 * identifiers of no client count for their address alone.
 */

import type { Audit } from '../../audit/audit.ts'
import { limitAddress } from '../../limits/address.ts'
import type { Failures } from '../../limits/failures.ts'
import type { Tally } from '../../limits/tally.ts'

export interface FailedAuthentication {
  /** Absent when no client has the identifier. */
  readonly clientId: string | undefined
  /** The identifier as it was sent. */
  readonly claimedId: string | undefined
  readonly address: string
  readonly reason: string | undefined
}

export interface ClientFailures {
  /** Seconds until the client may authenticate from this address again; `undefined` when it may now. */
  secondsToWait(clientId: string | undefined, address: string): number | undefined
  count(clientId: string | undefined, address: string): void
  /** Records it, unless there were too many like it. */
  record(failed: FailedAuthentication): void
}

export interface ClientFailuresParts {
  readonly failures: Failures
  readonly tally: Tally
  readonly audit: Pick<Audit, 'record'>
}

// No client's identifier: those have none of this sign.
const NO_CLIENT = '*'

export function createClientFailures({ failures, tally, audit }: ClientFailuresParts): ClientFailures {
  const subjectOf = (clientId = NO_CLIENT, address: string) => `${clientId} ${limitAddress(address)}`

  return {
    // Called for every client that authenticates. The address is normalised only when there was a failure.
    secondsToWait: (clientId, address) =>
      failures.isEmpty() ? undefined : failures.secondsToWait(subjectOf(clientId, address)),
    count: (clientId, address) => failures.count(subjectOf(clientId, address)),

    record({ clientId, claimedId, address, reason }) {
      const event = 'client.authentication_failed'
      const count = tally.count({ event, address, about: clientId })
      if (count === undefined) return
      const fields = { clientId: clientId ?? claimedId, address, reason, outcome: 'failure' } as const
      audit.record(event, { ...fields, count: count > 1 ? count : undefined })
    },
  }
}
