/** How long things live and how often a login may be tried: each limit with its default, its bounds and its sentence. */

import { z } from 'zod'

import { formatDuration } from '../../base/duration.ts'
import { duration } from '../../registry/duration-setting.ts'
import { mapping } from '../../registry/problems.ts'
import type { ClientAuthenticationRules, Lifetimes, LoginRules } from '../config.ts'

interface Lifetime {
  readonly field: keyof Lifetimes
  readonly default: string
  readonly longest: string
  readonly sentence: string
}

/** By the name that stands in grantor.yaml. */
export const LIFETIMES = {
  // A code that is valid for more than a minute helps only an attacker.
  authorization_code: lifetime(
    'authorizationCodeSeconds',
    '60s',
    '60s',
    'From the redirect to the exchange of the code.',
  ),
  id_token: lifetime('idTokenSeconds', '1h', '24h', 'How long an ID token may be accepted as proof of a sign-in.'),
  interaction: lifetime('interactionSeconds', '15m', '1h', 'How long the login and consent pages wait for a person.'),
  session_idle: lifetime('sessionIdleSeconds', '24h', '90d', 'A session that is not used for this long ends.'),
  session: lifetime('sessionSeconds', '14d', '90d', 'A session ends after this long in any case.'),
  refresh_token_idle: lifetime(
    'refreshTokenIdleSeconds',
    '14d',
    '365d',
    'A refresh token that is not used for this long ends.',
  ),
  refresh_token: lifetime(
    'refreshTokenSeconds',
    '30d',
    '365d',
    'A family of refresh tokens ends after this long in any case.',
  ),
  consent: lifetime('consentSeconds', '365d', '3650d', 'How long an answer on the consent page is remembered.'),
  audit: lifetime('auditSeconds', '90d', '3650d', 'How long an event of the audit trail is kept.'),
} as const

type LifetimeName = keyof typeof LIFETIMES
const NAMES = Object.keys(LIFETIMES) as LifetimeName[]

export const lifetimesSchema = mapping(
  Object.fromEntries(NAMES.map((name) => [name, lifetimeSchema(LIFETIMES[name])])) as Record<
    LifetimeName,
    LifetimeSchema
  >,
).superRefine((read, context) => {
  for (const [idle, whole] of [
    ['session_idle', 'session'],
    ['refresh_token_idle', 'refresh_token'],
  ] as const) {
    if (read[idle] <= read[whole]) continue
    context.addIssue({
      code: 'custom',
      path: [idle],
      message: `no more than ${whole} (${formatDuration(read[whole])})`,
    })
  }
})

// In which Node does hashes and syncs; a sync that waits for a hash makes every request wait that decides something.
const THREADS = 4

export const loginsSchema = mapping({
  attempts_per_account: count(1, 1000)
    .default(10)
    .describe('Wrong passwords for one account within the window before it has to wait; on a known device its own.'),
  attempts_per_address: count(1, 100_000)
    .default(100)
    .describe('Wrong passwords from one address (IPv4, IPv6 /64) within the window before it has to wait.'),
  attempts_per_network: count(1, 1_000_000)
    .default(500)
    .describe('Wrong passwords from one network (IPv4 /24, IPv6 /48) within the window before it has to wait.'),
  window: duration('1s', '24h').prefault('15m').describe('The window in which attempts are counted.'),
  concurrent_hashes: count(1, 256)
    .optional()
    .describe(
      'Password checks that run at the same time; unset: the number of cores, at most 3, which leaves a thread to sync the store.',
    ),
  waiting_hashes: count(0, 10_000)
    .default(64)
    .describe('Password checks that may wait, half of them from one network; the next one is answered with 503.'),
})

export const clientAuthenticationSchema = mapping({
  attempts: count(1, 10_000)
    .default(30)
    .describe('Failures of one client from one address (IPv4, IPv6 /64) at one server before it is answered with 429.'),
  window: duration('1s', '1h').prefault('1m').describe('The window in which failures are counted.'),
})

export function toLifetimes(read: z.output<typeof lifetimesSchema>): Lifetimes {
  return Object.fromEntries(NAMES.map((name) => [LIFETIMES[name].field, read[name]])) as unknown as Lifetimes
}

export function toLoginRules(read: z.output<typeof loginsSchema>, cores: number): LoginRules {
  return {
    attemptsPerAccount: read.attempts_per_account,
    attemptsPerAddress: read.attempts_per_address,
    attemptsPerNetwork: read.attempts_per_network,
    windowSeconds: read.window,
    concurrentHashes: read.concurrent_hashes ?? Math.min(cores, THREADS - 1),
    waitingHashes: read.waiting_hashes,
  }
}

export function toClientAuthenticationRules(
  read: z.output<typeof clientAuthenticationSchema>,
): ClientAuthenticationRules {
  return { attempts: read.attempts, windowSeconds: read.window }
}

type LifetimeSchema = ReturnType<typeof lifetimeSchema>

function lifetimeSchema(declared: Lifetime) {
  return duration('1s', declared.longest)
    .prefault(declared.default)
    .describe(`${declared.sentence} At most ${declared.longest}.`)
}

function lifetime(field: keyof Lifetimes, usual: string, longest: string, sentence: string): Lifetime {
  return { field, default: usual, longest, sentence }
}

function count(least: number, most: number) {
  return z
    .int({ error: `a whole number from ${least} to ${most}` })
    .min(least, wantsCount(least, most))
    .max(most, wantsCount(least, most))
}

function wantsCount(least: number, most: number): { error: string } {
  return { error: `a whole number from ${least} to ${most}` }
}
