/** What each sample API is started with, and what it gives. */

import type { Handler } from '../listen.ts'

export interface ApiOptions {
  /** The authorization server whose tokens it accepts. */
  readonly issuer: string
  /** The origin of the SPA that may call it from a browser. */
  readonly allowedOrigin: string
  /** A client that may read the server's feed of revocations. */
  readonly revocations: { readonly clientId: string; readonly clientSecret: string }
  /** Another audience than its own; the demo uses it for an API whose tokens live for seconds. */
  readonly audience?: string
  /** How far clocks may differ; the verifier's default unless set. */
  readonly clockToleranceSeconds?: number
  /** The secret it shares with the server, where its tokens are signed with HS256. */
  readonly secret?: Uint8Array
}

export interface Api {
  readonly handler: Handler
  /** Lets go of the revocation feed. */
  readonly close: () => Promise<void>
}
