import { describe, expect, it } from 'vitest'

import { createLog, type LogOptions } from '../../src/audit/log.ts'
import { LoginFailed } from '../../src/faults/sign-in.ts'

/** A log, and the lines that it wrote. */
function logInto(lines: string[], level: LogOptions['level'] = 'debug') {
  return createLog({ level, destination: { write: (line: string) => lines.push(line) } })
}

const SECRETS = [
  'access_token',
  'accessToken',
  'Authorization',
  'authorization',
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'cookie',
  'dpop',
  'id_token',
  'password',
  'refresh_token',
  'set-cookie',
  'token',
]

describe('log', () => {
  it.each(SECRETS)('redacts what is called %s, at any depth', (name) => {
    const lines: string[] = []

    logInto(lines).event('request_refused', {
      [name]: 'canary',
      req: { [name]: ['canary'], list: [{ deep: { [name]: 'canary' } }] },
    })

    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain('canary')
    expect(lines[0]?.match(/\[redacted\]/g)).toHaveLength(3)
  })

  it('redacts in what a child log carries along', () => {
    const lines: string[] = []

    logInto(lines)
      .child({ request: { authorization: 'canary' } })
      .event('listening')

    expect(lines[0]).not.toContain('canary')
  })

  it('keeps the code of an error, which tells what went wrong', () => {
    const lines: string[] = []

    logInto(lines).event('request_failed', { err: new LoginFailed({ detail: 'no such account' }) })

    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      err: { code: 'login_failed', detail: 'no such account' },
    })
  })

  it('redacts in what an error carries', () => {
    const lines: string[] = []
    const error = Object.assign(new Error('refused'), { code: 'E1', response: { code: 'canary', password: 'canary' } })

    logInto(lines).event('request_failed', { err: error, again: { error } })

    expect(lines.join('')).not.toContain('canary')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ err: { code: 'E1', message: 'refused', type: 'Error' } })
  })

  it('ends where something contains itself', () => {
    const lines: string[] = []
    const loop: Record<string, unknown> = { at: new Date(0) }
    loop.self = loop

    logInto(lines).event('listening', loop)

    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ at: '1970-01-01T00:00:00.000Z', event: 'listening' })
  })

  it('[S148] writes one line of plain characters, whatever a stranger sends', () => {
    const lines: string[] = []
    const hostile = 'a\r\nb\u001b[31mc\u2028d\u2029e\u0085f\u009b31mg\u202eh","level":"fatal'

    logInto(lines).event('request_refused', { client: hostile })

    expect(lines.join('').trimEnd()).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', client: hostile })
  })

  it('writes nothing below its level', () => {
    const lines: string[] = []

    logInto(lines, 'warn').event('listening')

    expect(lines).toEqual([])
  })
})
