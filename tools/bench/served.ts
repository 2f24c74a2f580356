/** A server that listens in this process, and what the bench needs of it beside its port. */

import type { Provider } from 'oidc-provider'

export interface Served {
  readonly port: number
  /** The engine, whose models make the codes and tokens that a row starts from. */
  readonly provider: Provider
  readonly accountId: string
  /** The private keys, so that the other server signs with the same. */
  readonly jwks: readonly object[]
  close(): Promise<void>
}
