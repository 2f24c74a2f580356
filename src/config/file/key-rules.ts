/** How signing keys move in time, who holds them, and what keeps a shorter schedule from breaking a verifier. */

import { resolve } from 'node:path'
import { z } from 'zod'

import { formatDuration } from '../../base/duration.ts'
import type { KeyRules, SignerRules } from '../config.ts'
import { duration } from '../../registry/duration-setting.ts'
import { mapping } from '../../registry/problems.ts'

// The longest socket address that the common systems accept.
const LONGEST_SOCKET_PATH = 103
const SOCKET_WANTS = `the path of a Unix socket, of at most ${LONGEST_SOCKET_PATH} bytes`
const AT_ONCE_WANTS = { error: 'a whole number from 1 to 10000' }

// jose, and with it grantor/resource, lets 30 s pass between two fetches of a JWKS: a verifier that has just fetched it
// when a key is published fetches it again after the key may sign.
const LEAST_OVERLAP_SECONDS = 31

const signerSchema = mapping({
  socket: z
    .string({ error: SOCKET_WANTS })
    .min(1, { error: SOCKET_WANTS })
    .max(LONGEST_SOCKET_PATH, { error: SOCKET_WANTS })
    .describe('Where the signing process listens.'),
  timeout: duration('1s', '10s').prefault('2s').describe('How long a signature may take.'),
  at_once: z
    .int(AT_ONCE_WANTS)
    .min(1, AT_ONCE_WANTS)
    .max(10_000, AT_ONCE_WANTS)
    .default(1000)
    .describe('How many signatures may be under way; further requests get 503 at once.'),
  new_keys: z
    .boolean({ error: 'true or false' })
    .default(true)
    .describe('false: this server makes new keys again, and the signer keeps its keys until they have expired.'),
})

export const keysSchema = mapping({
  rotation: duration('1s', '365d').prefault('30d').describe('How long a key signs before its successor does.'),
  jwks_max_age: duration('1s', '24h')
    .prefault('5m')
    .describe('How long verifiers may keep the JWKS; a new key is published at least this long before it signs.'),
  margin: duration('1s', '1h')
    .prefault('1m')
    .describe('Added to every overlap, for servers that follow late, slow answers, and clocks that differ.'),
  wait_for_verifiers: duration('0s', '24h')
    .prefault('0s')
    .describe('How much longer a key may wait to sign, for verifiers that do not hold it yet.'),
  signer: signerSchema
    .optional()
    .describe(
      'The process that holds the signing keys; unset: this server holds them, sealed. See external-signer.md.',
    ),
}).superRefine(({ rotation, jwks_max_age: maxAge, margin }, context) => {
  if (maxAge + margin < LEAST_OVERLAP_SECONDS) {
    const message = `at least ${LEAST_OVERLAP_SECONDS}s together with jwks_max_age, since verifiers fetch the JWKS no more often`
    context.addIssue({ code: 'custom', path: ['margin'], message })
  }
  // A key that is to sign before every cache must know it would make good tokens look forged.
  if (rotation >= maxAge + margin) return
  const least = formatDuration(maxAge + margin)
  context.addIssue({ code: 'custom', path: ['rotation'], message: `at least jwks_max_age + margin (${least})` })
})

export function toKeyRules(read: z.output<typeof keysSchema>): KeyRules {
  return {
    rotationSeconds: read.rotation,
    maxAgeSeconds: read.jwks_max_age,
    marginSeconds: read.margin,
    waitForVerifiersSeconds: read.wait_for_verifiers,
  }
}

/** A relative path begins where the file is. */
export function toSignerRules({ signer }: z.output<typeof keysSchema>, folder: string): SignerRules | undefined {
  if (signer === undefined) return undefined
  return {
    socket: resolve(folder, signer.socket),
    timeoutMs: signer.timeout * 1000,
    atOnce: signer.at_once,
    newKeys: signer.new_keys,
  }
}
