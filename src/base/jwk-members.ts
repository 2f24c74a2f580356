/** Which members of a JWK are public and which are not (RFC 7518 section 6, RFC 8037 section 2, and `pub` and `priv` of ML-DSA). */

const PUBLIC_JWK_MEMBERS = ['kty', 'kid', 'alg', 'use', 'n', 'e', 'crv', 'x', 'y', 'pub']
const PRIVATE_JWK_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** The public part of a key. Only members that are known to be public are copied. */
export function publicHalf(jwk: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(jwk).filter(([member]) => PUBLIC_JWK_MEMBERS.includes(member)))
}

/** The private members that the key has, including that of a shared secret. They must never be published. */
export function privateMembersIn(jwk: object): string[] {
  return PRIVATE_JWK_MEMBERS.filter((member) => Object.hasOwn(jwk, member))
}
