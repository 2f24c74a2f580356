import { fileURLToPath } from 'node:url'

import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { expect, it, onTestFinished } from 'vitest'

import { describeInBrowser, keepScreenshot } from '../../support/browser.ts'
import { start } from '../../support/start.ts'
import { ALICE, authorizationUrl, newPkce } from '../../support/user-agent.ts'

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
// 320 CSS pixels is where WCAG 2.2 (1.4.10) still wants no scrolling to the side.
const WIDTHS = [1280, 320]

// So few attempts that the page for too many is soon reached.
const LOGINS = {
  attemptsPerAccount: 2,
  attemptsPerAddress: 50,
  attemptsPerNetwork: 10_000,
  windowSeconds: 300,
  concurrentHashes: 2,
  waitingHashes: 9,
}

// A colour that cannot be read on white, and a name that does not fit on one line of a telephone.
const BRANDING = {
  name: 'The Incredibly Long Name of an Operator Incorporated',
  logo: fileURLToPath(new URL('../../../views/assets/icon.svg', import.meta.url)),
  colour: '#ffcc00',
  help: 'https://acme.example/help',
  privacy: 'https://acme.example/privacy',
  terms: 'https://acme.example/terms',
}

describeInBrowser('every page, in light and in dark, narrow and wide', (openPage) => {
  // Two of the four, since each takes half a minute: test/http/branding.test.ts judges colours in both schemes.
  for (const { colorScheme, branding } of [
    { colorScheme: 'light', branding: BRANDING },
    { colorScheme: 'dark', branding: undefined },
  ] as const) {
    const title = `${colorScheme}${branding === undefined ? '' : ' and branded'}`
    it(`has no axe violation and needs no scrolling to the side: ${title}`, { timeout: 180_000 }, async () => {
      const server = await start({ config: { logins: LOGINS, ...(branding && { branding }) } })
      onTestFinished(() => server.close())
      const page = await openPage({ colorScheme })

      const seen: string[] = []
      await walkThrough(page, server.issuer, async (name) => {
        seen.push(name)
        await judge(page, `${name}-@-${title.replaceAll(' ', '-')}`)
      })

      expect(seen).toHaveLength(14)
    })
  }
})

/** From page to page as a person comes across them, and `look` at each. */
async function walkThrough(page: Page, issuer: string, look: (name: string) => Promise<void>): Promise<void> {
  await page.goto(issuer)
  await look('landing')
  await page.goto(`${issuer}/nothing-here`)
  await look('not-found')
  await page.goto(`${issuer}/authorize?client_id=unknown`)
  await look('error')

  await page.goto(`${issuer}/tour`)
  await look('login')
  await press(page, 'Cancel')
  await look('tour-refused')
  await page.goto(`${issuer}/tour`)
  await logIn(page, 'not-her-password')
  await look('login-failed')
  await logIn(page, ALICE.password)
  await look('consent')
  await press(page, 'Allow')
  await look('tour')

  await openFormPost(page, issuer)
  await look('form-post')
  await page.goto(`${issuer}/account`)
  await look('apps')
  await press(page, 'End access Grantor tour')
  await look('apps-ended')
  await page.goto(`${issuer}/logout`)
  await look('logout')
  await press(page, 'Sign out')
  await look('logged-out')

  await page.goto(`${issuer}/tour`)
  for (let attempt = 0; attempt <= LOGINS.attemptsPerAccount; attempt++) await logIn(page, 'not-her-password')
  await page.getByText('Too many attempts').waitFor()
  await look('login-throttled')
}

/** The page that sends itself on; an answer without content leaves it where it is. */
async function openFormPost(page: Page, issuer: string): Promise<void> {
  const redirectUri = `${issuer}/tour/callback`
  await page.route(redirectUri, (route) => route.fulfill({ status: 204 }))
  const params = { response_mode: 'form_post' }
  const request = authorizationUrl(newPkce(), { clientId: 'grantor-tour', redirectUri, scope: 'openid', params })
  await page.goto(issuer + request, { waitUntil: 'commit' })
  await page.getByRole('heading', { name: 'One moment' }).waitFor()
}

async function logIn(page: Page, password: string): Promise<void> {
  await page.getByLabel('E-mail or username').fill(ALICE.login)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await press(page, 'Sign in')
}

async function press(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click()
  await page.waitForLoadState()
}

async function judge(page: Page, name: string): Promise<void> {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 })
    await keepScreenshot(page, name.replace('@', String(width)))
    expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(width)
  }
  // Once, at the narrow width that came last: contrast, names and structure are the same at both, targets are tightest.
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze()
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
  expect(told, name).toEqual([])
}
