/** How signing keys move in time, and what keeps a shorter schedule from breaking a verifier. */

import { formatDuration } from '../base/duration.ts'
import type { KeyRules } from './config.ts'
import { duration } from './lifetimes.ts'
import { mapping } from './problems.ts'
import type { z } from 'zod'

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
}).superRefine(({ rotation, jwks_max_age: maxAge, margin }, context) => {
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
