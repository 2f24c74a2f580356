import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { ROUTES } from '../../src/http/routes.ts'
import { addressOf } from '../support/routes.ts'
import { type Running, start } from '../support/start.ts'

const PATHS = [...new Set(ROUTES.map(addressOf)), '/nothing-here']

describe('security headers', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  // Generated from the route table: a new route is crawled too, with methods it knows and methods it does not.
  const requests = PATHS.flatMap((path) =>
    ['GET', 'POST', 'OPTIONS', 'DELETE', 'PUT', 'HEAD'].map((method) => ({ path, method })),
  )

  it.each(requests)('[S140] $method $path carries them all', async ({ path, method }) => {
    const response = await fetch(app.issuer + path, { method, redirect: 'manual' })

    expectSecure(response.headers)
    expect(response.status).toBeLessThan(500)
  })

  it('[S140] a body that is too large is refused with them', async () => {
    const response = await fetch(`${app.issuer}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a'.repeat(100_000),
    })

    expect(response.status).toBeGreaterThanOrEqual(400)
    expectSecure(response.headers)
  })

  it('[S140] every page has a nonce of its own', async () => {
    const policies = await Promise.all(
      [1, 2].map(async () => (await fetch(app.issuer)).headers.get('content-security-policy') ?? ''),
    )

    const nonces = policies.map((policy) => /'nonce-([\w-]{20,})'/.exec(policy)?.[1])
    expect(nonces[0]).toBeDefined()
    expect(nonces[0]).not.toBe(nonces[1])
  })
})

function expectSecure(headers: Headers): void {
  const policy = headers.get('content-security-policy') ?? ''
  for (const directive of ["default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"]) {
    expect(policy).toContain(directive)
  }
  expect(policy).not.toMatch(/unsafe-inline|unsafe-eval|\*/)
  const [, age] = /max-age=(\d+); includeSubDomains/.exec(headers.get('strict-transport-security') ?? '') ?? []
  expect(Number(age)).toBeGreaterThanOrEqual(31_536_000)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('referrer-policy')).toMatch(/^(no-referrer|same-origin)$/)
  expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
  expect(headers.get('cross-origin-resource-policy')).toMatch(/^(same|cross)-origin$/)
  expect(headers.get('server')).toBeNull()
  expect(headers.get('x-powered-by')).toBeNull()
}
