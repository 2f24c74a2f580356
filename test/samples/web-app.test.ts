import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createBrowser } from '../../src/samples/demo/browser.ts'
import { signIn } from '../../src/samples/demo/demo-context.ts'
import { type SamplesFixture, startSamplesFixture } from './samples-fixture.ts'

let fixture: SamplesFixture

beforeAll(async () => {
  fixture = await startSamplesFixture()
})
afterAll(() => fixture.close())

describe('the web app', () => {
  it('signs a person in and calls the APIs for them', async () => {
    const cookie = await signInAtApp()

    expect(await (await fetch(fixture.samples.web, { headers: { cookie } })).text()).toContain('Hello, Alice Liddell')
    for (const [call, text] of Object.entries({
      orders: 'pocket watch',
      order: 'Tea for two',
      items: 'Tea set',
      reports: 'cups',
    })) {
      expect((await submit('/call', cookie, { call })).status).toBe(303)
      expect(await (await fetch(fixture.samples.web, { headers: { cookie } })).text(), call).toContain(text)
    }
  })

  it('never sends a token to the browser', async () => {
    const cookie = await signInAtApp()
    await submit('/call', cookie, { call: 'orders' })

    const response = await fetch(fixture.samples.web, { headers: { cookie } })

    expect(`${await response.text()}${cookie}`).not.toMatch(/eyJ[\w-]+\./)
  })

  it('keeps its session in a cookie that scripts cannot read, under a new name after sign-in', async () => {
    const before = await fetch(`${fixture.samples.web}/sign-in`, { redirect: 'manual' })
    const [pending = ''] = before.headers.getSetCookie()
    const after = await signInAtApp(before)

    expect(pending).toMatch(/httponly/i)
    expect(pending).toMatch(/samesite=lax/i)
    expect(after.split('=')[1]).not.toBe(pending.split(/[=;]/)[1])
  })

  it('takes an answer only in the browser that asked, once, and with the state it sent', async () => {
    const begun = await begin()
    const { answer } = await signIn(createBrowser(fixture.server.issuer), authorization(begun.url))
    const forged = new URL(answer)
    forged.searchParams.set('state', 'another')

    expect((await fetch(answer)).status).toBe(400)
    expect((await fetch(forged, { headers: { cookie: begun.cookie } })).status).toBe(400)
    // The forged answer has spent the attempt.
    expect((await fetch(answer, { headers: { cookie: begun.cookie } })).status).toBe(400)
  })

  it('refuses an answer of another issuer (RFC 9207 section 2.4)', async () => {
    const begun = await begin()
    const { answer } = await signIn(createBrowser(fixture.server.issuer), authorization(begun.url))
    answer.searchParams.set('iss', 'https://login.evil.example')

    expect((await fetch(answer, { headers: { cookie: begun.cookie } })).status).toBe(400)
  })

  it('takes no form that another site sends', async () => {
    const cookie = await signInAtApp()

    for (const origin of ['https://evil.example', 'null', undefined]) {
      const headers = { cookie, ...(origin === undefined ? {} : { origin }) }
      const response = await fetch(`${fixture.samples.web}/sign-out`, { method: 'POST', headers, redirect: 'manual' })
      expect(response.status, origin).toBe(403)
    }
    expect(await (await fetch(fixture.samples.web, { headers: { cookie } })).text()).toContain('Hello')
  })

  it('forgets the person at sign-out and ends the session at the server too', async () => {
    const cookie = await signInAtApp()

    const out = await submit('/sign-out', cookie, {})

    expect(out.headers.get('location')).toMatch(`${fixture.server.issuer}/logout?`)
    expect(await (await fetch(fixture.samples.web, { headers: { cookie } })).text()).not.toContain('Hello')
  })

  it('says that the server cannot be reached instead of failing without a word', async () => {
    const own = await startSamplesFixture()
    await own.server.close()

    const response = await fetch(`${own.samples.web}/sign-in`, { redirect: 'manual' })

    expect(response.status).toBe(400)
    expect(await response.text()).toContain('could not be reached')
    await own.samples.close()
  })
})

async function begin(): Promise<{ url: URL; cookie: string }> {
  const response = await fetch(`${fixture.samples.web}/sign-in`, { redirect: 'manual' })
  return { url: new URL(response.headers.get('location') ?? ''), cookie: cookieOf(response) }
}

/** Signs Alice in and gives the cookie of her session at the app. */
async function signInAtApp(begun?: Response): Promise<string> {
  const { url, cookie } =
    begun === undefined ? await begin() : { url: new URL(begun.headers.get('location') ?? ''), cookie: cookieOf(begun) }
  const { answer } = await signIn(createBrowser(fixture.server.issuer), authorization(url))
  const back = await fetch(answer, { headers: { cookie }, redirect: 'manual' })
  expect(back.status).toBe(302)
  return cookieOf(back)
}

function authorization(url: URL) {
  return { url, redirectUri: `${fixture.samples.web}/callback` }
}

function cookieOf(response: Response): string {
  return response.headers.getSetCookie().at(-1)?.split(';')[0] ?? ''
}

function submit(path: string, cookie: string, fields: Record<string, string>): Promise<Response> {
  const headers = { cookie, origin: fixture.samples.web }
  const body = new URLSearchParams(fields)
  return fetch(`${fixture.samples.web}${path}`, { method: 'POST', headers, body, redirect: 'manual' })
}
