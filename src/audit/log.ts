/**
 * The log: what this process did, for the operator, as JSON lines on stdout.
 *
 * It may be lost, sampled or turned off; what must be kept is in the audit trail (audit.ts). A secret that reaches it
 * by mistake is redacted by its name, and nothing that a stranger sends can begin a new line.
 */

import { createRequire } from 'node:module'
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'

import { oneLine } from './one-line.ts'

/** The part of pino that is used here. */
export interface Log extends Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> {
  child(bindings: Record<string, unknown>): Log
}

export interface LogOptions {
  readonly level: 'silent' | 'error' | 'warn' | 'info' | 'debug'
  /** stdout unless set. */
  readonly destination?: DestinationStream
}

export function createLog({ level, destination }: LogOptions): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_PATHS, censor: redacted },
      hooks: { streamWrite: oneLine },
    },
    destination ?? prettyStdout() ?? pino.destination({ dest: 1, sync: true }),
  )
}

const SECRETS = [
  'access_token',
  'assertion',
  'authorization',
  'client_assertion',
  'client_secret',
  'clientSecret',
  'code',
  'code_verifier',
  'cookie',
  'dpop',
  'id_token',
  'id_token_hint',
  'passphrase',
  'password',
  'passwordHash',
  'private_key',
  'privateKey',
  'refresh_token',
  'rootKey',
  'secret',
  'set-cookie',
  'token',
] as const

// Three levels deep is as deep as anything here is logged ({ req: { headers: { cookie } } }). What lies deeper is not
// searched; log less of it.
const SECRET_PATHS = SECRETS.flatMap((name) => {
  const segment = name.includes('-') ? `["${name}"]` : name
  const dotted = name.includes('-') ? segment : `.${segment}`
  return [segment, `*${dotted}`, `*.*${dotted}`]
})

/** An error's `code` names the error (`ECONNREFUSED`, `login_failed`); any other `code` is an authorization code. */
function redacted(value: unknown, path: string[]): unknown {
  return path.at(-1) === 'code' && path.at(-2) === 'err' ? value : '[redacted]'
}

/** Colours for a person at a terminal; pino-pretty is a dev dependency, so an image never has it. */
function prettyStdout(): DestinationStream | undefined {
  if (!process.stdout.isTTY) return undefined
  try {
    const pretty = createRequire(import.meta.url)('pino-pretty') as (options: object) => DestinationStream
    return pretty({ ignore: 'pid', translateTime: 'HH:MM:ss', sync: true })
  } catch {
    return undefined
  }
}
