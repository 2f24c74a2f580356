/** Requests as the bytes that go on the wire. Made once and sent many times where they do not differ. */

import { API_SCOPE, SECRET } from './configuration.ts'

export const VERIFIER = 'a-code-verifier-of-the-bench-with-enough-characters'

/** The Basic credentials of the confidential client. */
export const BASIC = `Authorization: Basic ${Buffer.from(`bench-machine:${SECRET}`).toString('base64')}\r\n`

export function get(path: string, headers = ''): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n${headers}\r\n`)
}

export function post(path: string, form: Readonly<Record<string, string>>, headers = ''): Buffer {
  const body = new URLSearchParams(form).toString()
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n'
  const length = `Content-Length: ${body.length}\r\n`
  return Buffer.from(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${type}${length}${headers}\r\n${body}`)
}

export function machineToken(resource: string): Buffer {
  return post('/token', { grant_type: 'client_credentials', scope: API_SCOPE, resource }, BASIC)
}

export function bearer(token: string): string {
  return `Authorization: Bearer ${token}\r\n`
}
