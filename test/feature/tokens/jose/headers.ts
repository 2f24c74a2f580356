/** What a header may say that leads a verifier astray: other keys, extensions, other types. */

import { ecKey, signParts } from '../../../resource/issuer.ts'
import { type Attack, firstKey, mintFor, type Row } from './slot.ts'

const KIDS = [
  '',
  'unknown',
  '../../../../dev/null',
  '/proc/self/environ',
  "' OR 1=1 --",
  "'; DROP TABLE entries; --",
  '\u0000',
  '%00',
  'k'.repeat(10_240),
  {},
  [],
  null,
  1,
  true,
  '__proto__',
  'constructor',
]

/** Nothing is looked up by a `kid` that is not one of the keys: no file, no row, no address. */
export function injectedKids({ slot, trap }: Attack): Row[] {
  // A proof brings its key, and is refused for a strange name of it only where the name is no text.
  const kids = slot.bringsKey ? KIDS.filter((kid) => typeof kid !== 'string' || kid === '') : [...KIDS, trap]
  return slot.keys.flatMap((key) =>
    [...kids, [key.kid]].map((kid) => ({
      name: `kid ${JSON.stringify(kid).slice(0, 40)} (${key.alg})`,
      key,
      token: mintFor(slot, key, {}, { kid }),
    })),
  )
}

/** Keys that the attacker brings, or points to; the attacker's server would see a fetch. */
export function broughtKeys({ slot, trap }: Attack): Row[] {
  const key = firstKey(slot)
  const own = { ...ecKey('own'), kid: key.kid }
  const jwk = { ...own.publicKey.export({ format: 'jwk' }), kid: own.kid, alg: own.alg }
  const pointers = { jku: `${trap}/jku`, x5u: `${trap}/x5u`, x5c: ['MIIB'] }
  const beside = Object.entries(slot.bringsKey ? pointers : { ...pointers, jwk })
  const signed = Object.entries(slot.bringsKey ? {} : { ...pointers, jwk })
  return [
    ...beside.map(([name, value]) => ({
      name: `${name} beside`,
      key,
      token: mintFor(slot, key, {}, { [name]: value }),
    })),
    ...signed.map(([name, value]) => ({
      name: `${name}, signed with the attacker's key`,
      key,
      token: signParts({ ...slot.header(key), alg: own.alg, [name]: value }, slot.claims(key), own),
    })),
    {
      name: "our kid, a stranger's key",
      key,
      token: signParts({ ...slot.header(key), alg: own.alg }, slot.claims(key), own),
    },
  ]
}

/** We support no extension, so a token that demands one is refused (RFC 7515 section 4.1.11, RFC 7797 section 6). */
export function unknownExtensions({ slot }: Attack): Row[] {
  const headers: Record<string, Record<string, unknown>> = {
    'crit with an unknown entry': { crit: ['exp2'], exp2: 1 },
    'crit with an entry that is not there': { crit: ['exp'] },
    'crit with a registered member': { crit: ['alg'] },
    'crit empty': { crit: [] },
    'crit null': { crit: null },
    'crit a text': { crit: 'exp' },
    'crit with b64': { crit: ['b64'], b64: false },
    'crit with b64 true': { crit: ['b64'], b64: true },
    'b64 false without crit': { b64: false },
  }
  return Object.entries(headers).map(([name, header]) => ({
    name,
    key: firstKey(slot),
    token: mintFor(slot, firstKey(slot), {}, header),
  }))
}

/** A token of another kind, signed by the right hand (RFC 8725 section 2.8). */
export function confusedTypes({ slot }: Attack): Row[] {
  return slot.wrongTypes.map((typ) => ({
    name: `typ ${JSON.stringify(typ)}`,
    key: firstKey(slot),
    token: mintFor(slot, firstKey(slot), {}, { typ }),
  }))
}
