import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { describeInBrowser, keepScreenshot } from '../support/browser.ts'
import { type SamplesFixture, startSamplesFixture } from './samples-fixture.ts'

let fixture: SamplesFixture

beforeAll(async () => {
  fixture = await startSamplesFixture()
})
afterAll(() => fixture.close())

const CALLS = [
  ['See my orders', 'pocket watch'],
  ['Order tea', 'Tea for'],
  ['See the stock', 'Tea set'],
  ['Read my reports', 'cups'],
] as const

// Chromium, the server and five samples share two cores.
const UNHURRIED = { timeout: 90_000 }

describeInBrowser('the web app in Chromium', (openPage) => {
  it('signs in, calls the three APIs and signs out, without JavaScript', UNHURRIED, async () => {
    const page = await openPage({ javaScriptEnabled: false })
    await page.goto(fixture.samples.web)
    await keepScreenshot(page, 'sample-web-home')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await signIn(page)
    for (const [title, text] of CALLS) {
      await page.getByRole('button', { name: title }).click()
      await page.getByText(text).first().waitFor()
    }
    await keepScreenshot(page, 'sample-web-signed-in')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await endAtServer(page)

    await page.waitForURL(`${fixture.samples.web}/`)
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
  })
})

describeInBrowser('the single-page app in Chromium', (openPage) => {
  it('signs in, calls the three APIs and signs out, and keeps no token outside its memory', UNHURRIED, async () => {
    const page = await openPage()
    const complaints = complaintsOf(page)
    await page.goto(fixture.samples.spa)
    await keepScreenshot(page, 'sample-spa-home')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await signIn(page)
    await page.getByRole('heading', { name: 'Hello, Alice Liddell' }).waitFor()
    for (const [title, text] of CALLS) {
      await page.getByRole('button', { name: title }).click()
      await page.getByText(text).first().waitFor()
    }
    await keepScreenshot(page, 'sample-spa-signed-in')

    const kept = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, history.state])',
    )
    expect(kept).toBe(JSON.stringify([{}, {}, '', `${fixture.samples.spa}/`, null]))
    expect(complaints).toEqual([])

    await page.getByRole('button', { name: 'Sign out' }).click()
    await endAtServer(page)
    await page.waitForURL(`${fixture.samples.spa}/`)
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
  })

  it(
    'takes no answer that it did not ask for, nor one of another issuer (RFC 9207 section 2.4)',
    UNHURRIED,
    async () => {
      const page = await openPage()
      await page.goto(`${fixture.samples.spa}/callback?code=x&state=y&iss=${encodeURIComponent(fixture.server.issuer)}`)
      await page.getByText('not started in this tab').waitFor()
      expect(page.url()).toBe(`${fixture.samples.spa}/`)

      await page.evaluate(
        `sessionStorage.setItem('signing-in', JSON.stringify({ state: 'y', nonce: 'n', verifier: 'v' }))`,
      )
      await page.goto(`${fixture.samples.spa}/callback?code=x&state=y&iss=https%3A%2F%2Flogin.evil.example`)

      await page.getByText('another authorization server').waitFor()
    },
  )
})

describeInBrowser('the sample pages', (openPage) => {
  it.each(['light', 'dark'] as const)('have no axe violation, at 320 px and %s', UNHURRIED, async (colorScheme) => {
    for (const [name, address] of Object.entries({ web: fixture.samples.web, spa: fixture.samples.spa })) {
      const page = await openPage({ colorScheme, viewport: { width: 320, height: 640 } })
      await page.goto(address)
      await page.getByText('Sign in', { exact: true }).click()
      await signIn(page)
      await page.getByRole('button', { name: 'See my orders' }).click()
      await page.getByText('pocket watch').first().waitFor()
      await keepScreenshot(page, `sample-${name}-320-${colorScheme}`)

      const { violations } = await new AxeBuilder({ page }).analyze()

      expect(violations.map(({ id, nodes }) => `${name} ${id}: ${nodes[0]?.html}`)).toEqual([])
    }
  })
})

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('E-mail or username').fill('alice@example.com')
  await page.getByLabel('Password', { exact: true }).fill('wonderland-2026')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page
    .getByRole('button', { name: /Allow|See my orders/ })
    .first()
    .waitFor()
  const allow = page.getByRole('button', { name: 'Allow' })
  if (await allow.isVisible()) await allow.click()
}

async function endAtServer(page: Page): Promise<void> {
  await page.waitForURL(`${fixture.server.issuer}/**`)
  await page.getByRole('button', { name: 'Sign out' }).click()
}

/** What the browser objects to: blocked by the policy, failed scripts. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  return complaints
}
