/** The requirements of a route beyond a valid token: scopes, and how and when the person signed in (RFC 9470). */

import { type Claims, isScope } from './token/claims.ts'
import { AuthenticationInsufficient, ScopeInsufficient } from './refusals.ts'

/** The requirements of a route beyond a valid token for this API. */
export interface Requirements {
  /** All of these must have been granted. */
  readonly scopes?: readonly string[]
  /** The person must have signed in in one of these ways (`acr`), the preferred one first. */
  readonly acr?: readonly string[]
  /** The person must have signed in within so many seconds. */
  readonly maxAge?: number
  /**
   * `required` accepts only tokens that are bound to a DPoP key, `off` only tokens that are not; default `allowed`, for
   * both. Without the verifier's `dpop` only `off` is possible.
   */
  readonly dpop?: 'allowed' | 'required' | 'off'
}

/** Throws `ScopeInsufficient` or `AuthenticationInsufficient`. `now` in epoch seconds. */
export function checkAllowed(
  claims: Claims<unknown>,
  { scopes, acr, maxAge }: Requirements,
  { now, toleranceSeconds }: { readonly now: number; readonly toleranceSeconds: number },
): void {
  if (scopes !== undefined && !scopes.every((scope) => claims.scopes.includes(scope))) {
    throw new ScopeInsufficient(scopes, { detail: `needs ${scopes.join(' ')}, has ${claims.scopes.join(' ')}` })
  }
  // A token without the time or method of the sign-in does not meet a requirement on it, and NaN never meets one.
  const isStrong = acr === undefined || (claims.acr !== undefined && acr.includes(claims.acr))
  const isRecent = maxAge === undefined || now - (claims.authenticatedAt ?? Number.NaN) <= maxAge + toleranceSeconds
  if (isStrong && isRecent) return
  const detail = `acr is ${claims.acr}, auth_time is ${claims.authenticatedAt}`
  throw new AuthenticationInsufficient(acr === undefined ? { maxAge } : { acr, maxAge }, { detail })
}

const MODES = ['allowed', 'required', 'off']

/** A copy. Throws a `TypeError` for what no token could ever meet, or no header could carry. */
export function checkRequirements({ scopes = [], acr, maxAge, dpop }: Requirements, canDpop: boolean): Requirements {
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string' && isScope(scope))) {
    throw new TypeError('scopes must be a list of scope values without spaces (RFC 6749 section 3.3)')
  }
  if (acr !== undefined && (!Array.isArray(acr) || acr.length === 0 || !acr.every((one) => isScope(String(one))))) {
    throw new TypeError('acr must be a list of values without spaces')
  }
  if (maxAge !== undefined && !(Number.isSafeInteger(maxAge) && maxAge >= 0)) {
    throw new TypeError('maxAge must be whole seconds')
  }
  if (dpop !== undefined && !MODES.includes(dpop)) throw new TypeError(`dpop must be one of ${MODES.join(', ')}`)
  if (dpop !== undefined && dpop !== 'off' && !canDpop) throw new TypeError('this verifier was made without dpop')
  return {
    scopes: [...scopes],
    ...(acr === undefined ? {} : { acr: [...acr] }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(dpop === undefined ? {} : { dpop }),
  }
}
