/** How a browser session is named to APIs: without telling its `uid`, by which the server finds it. */

import { hashHandle } from '../base/sealing.ts'

const LENGTH = 22

/** Whose session it is, and the `sub` by which a client knows them. */
interface Known {
  readonly accountId: string
  readonly sub: string
}

/**
 * The claim `sid` of a JWT, and of an entry of the revocation log. Clients that know the person by another subject each have
 * another name for the session, or it would tell them that the two are one person.
 */
export function sessionClaim(sessionUid: string, { accountId, sub }: Known): string {
  return hashHandle(sub === accountId ? sessionUid : `${sessionUid}\n${sub}`).slice(0, LENGTH)
}
