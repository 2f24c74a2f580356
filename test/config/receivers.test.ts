/** The receivers of security events in grantor.yaml. */

import { describe, expect, it } from 'vitest'

import { ConfigInvalid } from '../../src/faults/start.ts'
import { loadConfig } from '../../src/config/load-config.ts'

const PRODUCTION = {
  NODE_ENV: 'production',
  TRUST_PROXY: 'none',
  ISSUER: 'https://login.example',
  GRANTOR_ROOT_KEY: 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA',
}
const CLIENT = {
  client_id: 'web',
  client_secret_sha256: 'S7v3hC2mJq0XkQ9dYw4nTzL8uEoB5rGfAi1PxNcVtKs',
  redirect_uris: ['https://web.example/callback'],
}
const RECEIVER = { endpoint: 'https://receiver.example/events', audience: 'receiver' }

function load(receivers: unknown, env: Record<string, string> = PRODUCTION) {
  const file = JSON.stringify({ clients: [CLIENT], revocation_receivers: receivers })
  const readFile = (path: string) => {
    if (path.endsWith('grantor.yaml')) return file
    if (path.endsWith('the.token')) return 'a-token-in-a-file\n'
    throw new Error('ENOENT')
  }
  return loadConfig({ env, cwd: '/srv', readFile }).receivers
}

function problemsOf(receivers: unknown): readonly string[] {
  try {
    load(receivers)
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems
    throw error
  }
  return []
}

describe('revocation_receivers', () => {
  it('are none unless some are declared', () => {
    expect(load(undefined)).toEqual([])
  })

  it('have an endpoint, an audience, and a token from the file or from another file', () => {
    const given = [
      RECEIVER,
      { ...RECEIVER, endpoint: 'https://two.example/', bearer_token: 'a-token' },
      { ...RECEIVER, endpoint: 'https://three.example/', bearer_token_file: 'the.token' },
    ]

    expect(load(given).map(({ token }) => token)).toEqual([undefined, 'a-token', 'a-token-in-a-file'])
  })

  it('may be on this machine without TLS in development only', () => {
    const local = { ...RECEIVER, endpoint: 'http://127.0.0.1:4000/events' }

    expect(load([local], { ISSUER: 'http://localhost:3000' })).toHaveLength(1)
    expect(problemsOf([local])).toEqual([
      'grantor.yaml: revocation_receivers[0].endpoint is "http://127.0.0.1:4000/events"; it wants an https address without user, password or fragment.',
    ])
  })

  it.each([
    ['http://receiver.example/events'],
    ['https://user:password@receiver.example/'],
    ['https://receiver.example/#events'],
    ['receiver.example'],
    ['file:///etc/passwd'],
  ])('refuse the endpoint %s', (endpoint) => {
    const [problem, ...others] = problemsOf([{ ...RECEIVER, endpoint }])

    expect(others).toEqual([])
    expect(problem).toContain('it wants an https address without user, password or fragment.')
    expect(problem).not.toContain('password@')
  })

  it.each([
    [{ bearer_token: 'two words' }],
    [{ bearer_token: 'a\nline' }],
    [{ bearer_token: 42 }],
    [{ bearer_token_file: 'missing' }],
    [{ bearer_token: 'a', bearer_token_file: 'the.token' }],
    [{ token: 'a' }],
    [{ audience: '' }],
    [{ endpoint: undefined }],
  ])('refuse %j, and show no token', (more) => {
    const problems = problemsOf([{ ...RECEIVER, ...more }])

    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain('revocation_receivers[0]')
    expect(problems[0]).not.toMatch(/two words|42/)
  })

  it('are declared once', () => {
    expect(problemsOf([RECEIVER, RECEIVER])[0]).toContain('which is declared twice')
  })
})
