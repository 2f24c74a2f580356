/**
 * Passwords: which ones are accepted, and how they are stored.
 *
 * They are stored as argon2id hashes, which cost an attacker memory and time, and cost the server the same. So hashes
 * wait in a queue (hash-queue.ts). A password is hashed in Unicode form C (RFC 8265 section 4.2), so the same
 * characters typed on another keyboard are the same password. Otherwise every character counts as typed.
 */

import { hash, parseOptions, verify } from '@node-rs/argon2'

import { PasswordRefused } from '../faults/accounts.ts'
import { checkPasswordRules } from './password-rules.ts'
import { createHashQueue, type HashCaller, type HashQueueLimits } from './hash-queue.ts'

export interface Passwords {
  /** Whether the caller's next check would be refused with `LoginsBusy`. */
  isBusy(caller: HashCaller): boolean
  /** Whether a text is short enough to be hashed. No account has a password for which this is false. */
  isHashable(password: string): boolean
  /** Throws `PasswordRefused` when an account with this login may not have the password. */
  checkRules(password: string, login: string): Promise<void>
  /**
   * An argon2id hash in PHC form. Throws `PasswordRefused` when the text cannot be hashed, `LoginsBusy` when the queue
   * is full.
   */
  hash(password: string, caller?: HashCaller): Promise<string>
  /** Whether the hash is of this password. Throws as `hash` does. */
  verify(passwordHash: string, password: string, caller?: HashCaller): Promise<boolean>
  /** Takes as long as `verify` and is always false. For an account that does not exist. */
  verifyAgainstNothing(password: string, caller?: HashCaller): Promise<false>
  /** Whether the hash has weaker parameters than the present ones. */
  isOutdated(passwordHash: string): boolean
}

// The minimum of OWASP's Password Storage Cheat Sheet for argon2id.
const MEMORY_KIB = 19_456
const PASSES = 2
const LANES = 1
const HASH_BYTES = 32
const PARAMETERS = { memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES, outputLen: HASH_BYTES }

const ARGON2ID = 2 // the package's own enum is a `const enum`, which stripped TypeScript cannot import

const LONGEST_PASSWORD_BYTES = 1024

// A hash of no password: the present parameters, so that it costs the same, and a salt and a result of zeros. An
// account whose hash has older parameters takes their time until its owner signs in again.
const NOTHING = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${'A'.repeat(22)}$${'A'.repeat(43)}`

// For passwords that are set on the command line or in tests.
const OPERATOR: HashCaller = { group: 'operator', isKnown: false }

export function createPasswords(limits: HashQueueLimits): Passwords {
  const queue = createHashQueue(limits)

  return {
    isBusy: (caller) => queue.isFull(caller),
    isHashable,
    checkRules: checkPasswordRules,

    async hash(password, caller = OPERATOR) {
      const text = hashable(password)
      return queue.run(caller, () => hash(text, PARAMETERS))
    },

    async verify(passwordHash, password, caller = OPERATOR) {
      const text = hashable(password)
      return queue.run(caller, () => verify(passwordHash, text))
    },

    async verifyAgainstNothing(password, caller = OPERATOR) {
      const text = hashable(password)
      await queue.run(caller, () => verify(NOTHING, text))
      return false
    },

    isOutdated(passwordHash) {
      const { algorithm, memoryCost, timeCost } = parseOptions(passwordHash)
      return (algorithm as number) !== ARGON2ID || memoryCost < MEMORY_KIB || timeCost < PASSES
    },
  }
}

function isHashable(password: string): boolean {
  // Measured after normalisation: a keyboard that composes characters may send three times the bytes for the same text.
  return Buffer.byteLength(password.normalize('NFC')) <= LONGEST_PASSWORD_BYTES
}

function hashable(password: string): string {
  if (!isHashable(password)) throw new PasswordRefused('too_many_bytes')
  return password.normalize('NFC')
}
