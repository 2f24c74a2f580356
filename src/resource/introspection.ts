/** Asking the issuer about opaque tokens (RFC 7662), for APIs that are given both kinds. */

import type { Fetch } from './metadata.ts'

export interface IntrospectionOptions {
  readonly clientId: string
  readonly clientSecret: string
}

export interface Introspector {
  /**
   * The claims of an active token, named as RFC 9068 section 2.2 names those of a JWT (`iss` and, for a machine, `sub`
   * are filled in). The verifier checks them as it checks those of a JWT. Throws `TokenInvalid` when the token is not
   * active, and `VerifierUnavailable` when the issuer cannot be asked.
   */
  introspect(token: string): Promise<Readonly<Record<string, unknown>>>
}

export interface IntrospectorParts {
  readonly issuer: string
  readonly audience: string
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly fetch: Fetch
}

/** Throws a `TypeError` for options that are wrong or unknown. Fetches nothing before the first token. */
export function createIntrospector(_options: IntrospectionOptions & IntrospectorParts): Introspector {
  throw new TypeError('introspection is not there yet')
}
