/** What each sample API is started with. */

export interface ApiOptions {
  /** The authorization server whose tokens it accepts. */
  readonly issuer: string
  /** The origin of the SPA that may call it from a browser. */
  readonly allowedOrigin: string
  /** Another audience than its own; the demo uses it for an API whose tokens live for seconds. */
  readonly audience?: string
  /** How far clocks may differ; the verifier's default unless set. */
  readonly clockToleranceSeconds?: number
}
