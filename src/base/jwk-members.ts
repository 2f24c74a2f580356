/** Which members of a JWK are public and which are not (RFC 7518 section 6, RFC 8037 section 2, and `pub` and `priv` of ML-DSA). */

const PUBLIC_JWK_MEMBERS = ['kty', 'kid', 'alg', 'use', 'n', 'e', 'crv', 'x', 'y', 'pub']
const PRIVATE_JWK_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** What may be published. A member that is not known to be public is left out. */
export function publicHalf(jwk: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(jwk).filter(([member]) => PUBLIC_JWK_MEMBERS.includes(member)))
}

/** The members that must never be seen by others; those of a shared secret among them. */
export function privateMembersIn(jwk: object): string[] {
  return PRIVATE_JWK_MEMBERS.filter((member) => Object.hasOwn(jwk, member))
}
