/** What browsers, crawlers and researchers ask any host for. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Running, start } from '../support/start.ts'

const SECURITY = {
  contact: ['mailto:security@example.com', 'https://example.com/report'],
  expires: '2027-01-31T00:00:00Z',
  policy: 'https://example.com/policy',
}
const CHANGE_PASSWORD = 'https://example.com/password'

describe('a server whose operator set no addresses', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  it('has an icon at the address where browsers look for one', async () => {
    const response = await fetch(`${app.issuer}/favicon.ico`)

    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('image/x-icon')
    expect(response.headers.get('cache-control')).toContain('max-age')
    expect([...new Uint8Array(await response.arrayBuffer()).slice(0, 4)]).toEqual([0, 0, 1, 0])
  })

  it('asks crawlers to stay away', async () => {
    const response = await fetch(`${app.issuer}/robots.txt`)

    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await response.text()).toBe('User-agent: *\nDisallow: /\n')
  })

  it.each(['change-password', 'security.txt'])('has no /.well-known/%s', async (name) => {
    expect((await fetch(`${app.issuer}/.well-known/${name}`)).status).toBe(404)
  })
})

describe('a server whose operator set them', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({ config: { wellKnown: { changePassword: CHANGE_PASSWORD, securityText: SECURITY } } })
  })
  afterAll(() => app.close())

  it('leads password managers to the page for a new password', async () => {
    const response = await fetch(`${app.issuer}/.well-known/change-password`, { redirect: 'manual' })

    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe(CHANGE_PASSWORD)
  })

  it('says where to report a weakness (RFC 9116 section 2.5)', async () => {
    const response = await fetch(`${app.issuer}/.well-known/security.txt`)

    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect((await response.text()).split('\n')).toEqual([
      'Contact: mailto:security@example.com',
      'Contact: https://example.com/report',
      'Expires: 2027-01-31T00:00:00Z',
      `Canonical: ${app.issuer}/.well-known/security.txt`,
      'Policy: https://example.com/policy',
      '',
    ])
  })
})
