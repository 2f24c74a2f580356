/**
 * A slot: a place that takes a JWT from a stranger, and all that an attacker knows of what it takes.
 *
 * The table of attacks is written over this alone, so that each slot is attacked with every row, and a new slot with all
 * rows that there are.
 */

import { part, type SigningKey, signParts } from '../../../resource/issuer.ts'

export interface Slot {
  /** The keys that a good token of this slot is signed with. */
  readonly keys: readonly SigningKey[]
  header(key: SigningKey): Record<string, unknown>
  /** The claims of a good token, with a `jti` of its own. */
  claims(key: SigningKey): Record<string, unknown>
  /** Presents a token, as the holder of this key would. */
  put(token: string, key: SigningKey): Promise<Outcome>
  /** What it answers to a bad token: `status error`. */
  readonly refusals: readonly string[]
  /** Types of other tokens that it might be tricked with. */
  readonly wrongTypes: readonly unknown[]
  /** How the token travels; a header holds no line ends, and servers stop reading at 16 KB. */
  readonly carriedIn: 'header' | 'query' | 'form' | 'call'
  /** The key comes in the header (DPoP); else it is named there, and one that comes along is refused. */
  readonly bringsKey?: boolean
  readonly times: Times
}

/** What the slot makes of the moments in a token. Epoch seconds. */
export interface Times {
  now(): number
  /** The claims that must be there. */
  readonly required: readonly ('exp' | 'iat' | 'jti')[]
  /** The claims that it reads at all; what it does not read it must still not choke on. */
  readonly judged: readonly ('exp' | 'iat' | 'nbf')[]
  /** How far a clock may be wrong. */
  readonly toleranceSeconds: { readonly exp: number; readonly iat: number; readonly nbf: number }
  /** Whether parts of a second are taken (RFC 7519 section 2 allows them; what we make has none). */
  readonly takesFractions: boolean
}

export interface Outcome {
  readonly taken: boolean
  /** `status error`. */
  readonly answer: string
}

/** One attack. */
export interface Row {
  readonly name: string
  readonly key: SigningKey
  readonly token: string
}

export interface Attack {
  readonly slot: Slot
  /** An address that must see no request. */
  readonly trap: string
}

/** A token as the slot takes it, with changes; `undefined` removes a claim or a member of the header. */
export function mintFor(
  slot: Slot,
  key: SigningKey,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): string {
  return signParts({ ...slot.header(key), ...header }, { ...slot.claims(key), ...claims }, key)
}

/** The parts of a good token that are signed. */
export function inputFor(slot: Slot, key: SigningKey): string {
  return `${part(slot.header(key))}.${part(slot.claims(key))}`
}

export function firstKey({ keys }: Slot): SigningKey {
  const [key] = keys
  if (key === undefined) throw new TypeError('a slot without keys')
  return key
}
