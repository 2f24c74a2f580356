/** The name of a browser session for APIs. It does not reveal the `uid`, by which the server finds the session. */

import { hashHandle } from '../base/sealing.ts'

const LENGTH = 22

/** Whose session it is, and the `sub` by which a client knows them. */
interface Known {
  readonly accountId: string
  readonly sub: string
}

/**
 * The claim `sid` of a JWT and of an entry of the revocation log. Clients with different subjects for a person get
 * different names for the session. Otherwise the name would reveal that the two subjects are one person.
 */
export function sessionClaim(sessionUid: string, { accountId, sub }: Known): string {
  return hashHandle(sub === accountId ? sessionUid : `${sessionUid}\n${sub}`).slice(0, LENGTH)
}
