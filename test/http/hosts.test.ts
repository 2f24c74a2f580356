import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'
import { authorizationUrl, newPkce } from '../support/user-agent.ts'

const SPOOFS: { name: string; headers: Record<string, string>; target?: (path: string) => string }[] = [
  { name: 'Host', headers: { host: 'evil.example' } },
  { name: 'Host with another port', headers: { host: 'localhost:1' } },
  { name: 'Host with a user', headers: { host: 'localhost@evil.example' } },
  { name: 'X-Forwarded-Host', headers: { 'x-forwarded-host': 'evil.example' } },
  { name: 'X-Forwarded-Host, twice', headers: { 'x-forwarded-host': 'localhost, evil.example' } },
  { name: 'X-Forwarded-Proto', headers: { 'x-forwarded-proto': 'https' } },
  { name: 'X-Forwarded-Port', headers: { 'x-forwarded-port': '8443' } },
  { name: 'Forwarded', headers: { forwarded: 'host=evil.example;proto=https' } },
  { name: 'X-Original-URL', headers: { 'x-original-url': 'http://evil.example/', 'x-rewrite-url': '/evil' } },
  { name: 'X-Host', headers: { 'x-host': 'evil.example', 'x-forwarded-server': 'evil.example' } },
  { name: 'an absolute request target', headers: {}, target: (path) => `http://evil.example${path}` },
  { name: 'a path with two slashes', headers: {}, target: (path) => `//evil.example/..${path}` },
]

describe('a foreign host', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  it.each(SPOOFS)('[S143] in $name changes no URL that is emitted', async ({ headers, target = (path) => path }) => {
    for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
      const plain = await ask(app.issuer, path)
      const spoofed = await ask(app.issuer, target(path), headers)
      if (spoofed.status === 200) expect(spoofed.body).toBe(plain.body)
      expect(spoofed.body + JSON.stringify(spoofed.headers)).not.toContain('evil')
    }

    const login = await ask(app.issuer, target(authorizationUrl(newPkce())), headers)
    const { location = '' } = login.headers as { location?: string }
    expect(location).not.toContain('evil')
    expect(new URL(location || '/', app.issuer).origin).toBe(new URL(app.issuer).origin)
  })
})

interface Answer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly body: string
}

/** By `node:http`, since fetch sends its own `Host` and only paths. */
function ask(base: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { hostname, port, host } = new URL(base)
  return new Promise((resolve, reject) => {
    const sent = request({ host: hostname, port, path, headers: { host, ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: { ...response.headers, date: undefined, 'set-cookie': undefined },
          body: Buffer.concat(chunks).toString(),
        })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}
