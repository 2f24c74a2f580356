/** How a browser session is named to APIs: without telling its `uid`, by which the server finds it. */

import { hashHandle } from '../base/sealing.ts'

const LENGTH = 22

/** The claim `sid` of a JWT, and of an entry of the revocation log. */
export function sessionClaim(sessionUid: string): string {
  return hashHandle(sessionUid).slice(0, LENGTH)
}
