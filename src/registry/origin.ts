/** The source that declared a client or an API. Only that source changes it. */

export const ORIGINS = ['file', 'admin', 'dcr', 'cimd'] as const

/** `file`: grantor.yaml. `admin`: an operator. `dcr`: the client itself (RFC 7591). `cimd`: a metadata document. */
export type Origin = (typeof ORIGINS)[number]

/** A client or an API as the store has it. */
export interface Registered<Settings> {
  readonly settings: Settings
  readonly origin: Origin
  /** One more with every change; an editor gives the version that it read. */
  readonly version: number
  /** Epoch seconds of the last change. */
  readonly changedAt: number
}
