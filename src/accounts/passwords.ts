/**
 * Passwords: which are good enough, and how they are kept.
 *
 * Kept as argon2id, which costs a guesser memory as well as time, and costs us the same; so hashes wait in a queue (hash-queue.ts).
 * A password is hashed in Unicode form C (RFC 8265 section 4.2), so that the same characters typed on another keyboard
 * are the same password; otherwise exactly as it was typed, to the last character.
 */

import { hash, parseOptions, verify } from '@node-rs/argon2'

import { PasswordRefused } from '../faults/accounts.ts'
import { checkPasswordRules } from './password-rules.ts'
import { createHashQueue, type HashCaller, type HashQueueLimits } from './hash-queue.ts'

export interface Passwords {
  /** Whether the caller's next check would be refused with `LoginsBusy`. */
  isBusy(caller: HashCaller): boolean
  /** Whether a text is short enough to be hashed at all; no account has a password for which this is false. */
  isHashable(password: string): boolean
  /** Throws `PasswordRefused` when an account of this login may not have the password. */
  checkRules(password: string, login: string): Promise<void>
  /** An argon2id hash in PHC form. Throws `PasswordRefused` when not hashable, `LoginsBusy`. */
  hash(password: string, caller?: HashCaller): Promise<string>
  /** Whether the hash is of this password. Throws as `hash` does. */
  verify(passwordHash: string, password: string, caller?: HashCaller): Promise<boolean>
  /** Takes as long as `verify` and is always false: for an account that does not exist. */
  verifyAgainstNothing(password: string, caller?: HashCaller): Promise<false>
  /** Whether the hash was made with less than today's parameters. */
  isOutdated(passwordHash: string): boolean
}

// The least that OWASP's Password Storage Cheat Sheet asks of argon2id.
const MEMORY_KIB = 19_456
const PASSES = 2
const LANES = 1
const HASH_BYTES = 32
const PARAMETERS = { memoryCost: MEMORY_KIB, timeCost: PASSES, parallelism: LANES, outputLen: HASH_BYTES }

const ARGON2ID = 2 // the package's own enum is a `const enum`, which stripped TypeScript cannot import

const LONGEST_PASSWORD_BYTES = 1024

// Nobody's hash: today's parameters, so that it costs the same, over a salt and a result of zeros. An account whose hash
// has older parameters answers in their time until its owner next signs in.
const NOTHING = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${'A'.repeat(22)}$${'A'.repeat(43)}`

// Who sets a password from the command line, or is a test.
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
  // As it is hashed: a keyboard that composes characters may send three times the bytes for the same text.
  return Buffer.byteLength(password.normalize('NFC')) <= LONGEST_PASSWORD_BYTES
}

function hashable(password: string): string {
  if (!isHashable(password)) throw new PasswordRefused('This password is too long.')
  return password.normalize('NFC')
}
