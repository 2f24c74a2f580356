/**
 * Limits of an authorization request beyond those of the engine: its size, and a `state` that can be returned
 * unchanged.
 *
 * These checks run after the client and the redirect URI were accepted, for GET requests and pushed requests alike.
 */

import { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider'

// Many times what the largest honest request asks for; each scope is looked up, stored and shown.
const MOST_SCOPES = 100
const LONGEST_PARAMETER = 8192
// A pushed request holds no more than one in an address could: each sign-in that is started with it keeps a copy.
const LONGEST_REQUEST = 16_384

/** Registered as validations of parameters: oidc-provider has no other hook for own checks. */
export const requestBounds: Pick<Configuration, 'extraParams'> = {
  extraParams: { state: checkState, scope: checkSize },
}

/** A browser changes these characters on their way through a form, and RFC 6749 appendix A.5 allows none of them. */
function checkState(ctx: KoaContextWithOIDC, state: string | undefined): void {
  if (state === undefined || !/\p{Cc}/u.test(state)) return
  if (ctx.oidc.params !== undefined) ctx.oidc.params.state = undefined
  throw new errors.InvalidRequest('state must not contain control characters')
}

/** Throws for a request that is too large to be sent back to its client. */
export function checkSize({ oidc }: KoaContextWithOIDC, scope: string | undefined): void {
  const lengths = Object.entries(oidc.params ?? {}).map(
    ([name, value]) => [name, String((value ?? '') as string | string[]).length] as const,
  )
  const tooLong = lengths.find(([, length]) => length > LONGEST_PARAMETER)
  if (tooLong !== undefined) throw refusal(`${tooLong[0]} is longer than ${LONGEST_PARAMETER} characters`)
  const whole = lengths.reduce((sum, [, length]) => sum + length, 0)
  if (whole > LONGEST_REQUEST) throw refusal(`the parameters together are longer than ${LONGEST_REQUEST} characters`)
  if ((scope?.split(' ').length ?? 0) > MOST_SCOPES) throw refusal(`scope has more than ${MOST_SCOPES} values`)
}

/** No redirect: what is too large to be read is too large to be sent back. */
function refusal(description: string): Error {
  return Object.assign(new errors.InvalidRequest(description), { allow_redirect: false })
}
