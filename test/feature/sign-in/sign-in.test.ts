import type { Page } from 'playwright-core'
import { expect, it, onTestFinished } from 'vitest'

import { type Application, describeInBrowser, startApplication } from '../../support/browser.ts'
import { type Running, start } from '../../support/start.ts'
import { ALICE, authorizationUrl, newPkce, redeem, type SignInOptions } from '../../support/user-agent.ts'

describeInBrowser('signing in with Chromium', (openPage) => {
  it('works with the keyboard alone, through a wrong password and consent to the tokens', async () => {
    const { issuer } = await startServer()
    const page = await openPage()

    await page.goto(`${issuer}/tour`)
    await page.keyboard.type(ALICE.login)
    await page.keyboard.press('Tab')
    await page.keyboard.type('not-her-password')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    expect(await focused(page)).toBe('problem')

    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('login')
    await page.keyboard.press('Tab')
    await page.keyboard.type(ALICE.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'wants to use your account' }).waitFor()

    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').innerText()).toContain('Not you?')
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').innerText()).toBe('Allow')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'here are the tokens' }).waitFor()
  })

  it('works without JavaScript', async () => {
    const { issuer } = await startServer()
    const page = await openPage({ javaScriptEnabled: false })

    await page.goto(`${issuer}/tour`)
    expect(await page.getByRole('button', { name: 'Show password' }).count()).toBe(0)
    await logIn(page)
    await page.getByRole('button', { name: 'Allow' }).click()

    await page.getByRole('heading', { name: 'here are the tokens' }).waitFor()
  })

  it('shows the tour what it got, decoded, with no token and no code left in the address', async () => {
    const { issuer } = await startServer()
    const page = await openPage()

    await page.goto(`${issuer}/tour`)
    await logIn(page)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'here are the tokens' }).waitFor()

    const text = await page.locator('main').innerText()
    for (const part of ['"typ": "at+jwt"', `"iss": "${issuer}"`, '"aud": "grantor-tour"', 'orders:read']) {
      expect(text).toContain(part)
    }
    expect(page.url()).toBe(`${issuer}/tour/callback`)
  })

  it('tells the tour no, and says so', async () => {
    const { issuer } = await startServer()
    const page = await openPage()

    await page.goto(`${issuer}/tour`)
    await page.getByRole('button', { name: 'Cancel' }).click()

    await page.getByText('access_denied').waitFor()
  })

  it('does not let the tour use an answer that another browser asked for', async () => {
    const { issuer } = await startServer()
    const page = await openPage()

    const response = await page.goto(`${issuer}/tour/callback?code=x&state=y&iss=${encodeURIComponent(issuer)}`)

    expect(response?.status()).toBe(400)
  })

  it('shows and hides the password', async () => {
    const { issuer } = await startServer()
    const page = await openPage()
    await page.goto(`${issuer}/tour`)
    const password = page.getByLabel('Password', { exact: true })
    const reveal = page.getByRole('button', { name: 'Show password' })

    await reveal.click()
    expect(await password.getAttribute('type')).toBe('text')
    expect(await reveal.getAttribute('aria-pressed')).toBe('true')

    await reveal.click()
    expect(await password.getAttribute('type')).toBe('password')
  })
})

describeInBrowser('coming back to an application of another origin', (openPage) => {
  it('works from login and consent, under their form-action [S141]', async () => {
    const { server, application, signIn, pkce } = await withApplication()
    const page = await openPage()

    await page.goto(server.issuer + authorizationUrl(pkce, signIn))
    await logIn(page)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(`${application.url}/**`)

    const [arrival] = application.arrivals
    expect(arrival).toMatchObject({ path: '/callback', method: 'GET' })
    expect(arrival?.fields.get('iss')).toBe(server.issuer)
    const { status } = await redeem(server.issuer, arrival?.fields.get('code') ?? '', pkce, signIn)
    expect(status).toBe(200)
  })

  it('brings a refusal from the login page and from the consent page', async () => {
    const { server, application, signIn, pkce } = await withApplication()
    const page = await openPage()
    const address = server.issuer + authorizationUrl(pkce, signIn)

    await page.goto(address)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.waitForURL(`${application.url}/**`)
    await page.goto(address)
    await logIn(page)
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.waitForURL(`${application.url}/**`)

    expect(application.arrivals.map(({ fields }) => fields.get('error'))).toEqual(['access_denied', 'access_denied'])
  })

  for (const javaScriptEnabled of [true, false]) {
    it(`works by form_post ${javaScriptEnabled ? 'by script' : 'without JavaScript, by its button'} [S23]`, async () => {
      const { server, application, signIn, pkce } = await withApplication()
      const page = await openPage({ javaScriptEnabled })
      const params = { response_mode: 'form_post', state: '"><script>alert(1)</script>' }

      await page.goto(server.issuer + authorizationUrl(pkce, { ...signIn, params }))
      await logIn(page)
      await page.getByRole('button', { name: 'Allow' }).click()
      if (!javaScriptEnabled) await page.getByRole('button', { name: 'Continue' }).click()
      await page.waitForURL(`${application.url}/**`)

      expect(application.arrivals).toMatchObject([{ path: '/callback', method: 'POST' }])
      expect(application.arrivals[0]?.fields.get('state')).toBe(params.state)
    })
  }

  it('runs no script that a parameter brings along [S22]', async () => {
    const { server, signIn, pkce } = await withApplication()
    const page = await openPage()
    let ran = false
    page.on('dialog', (dialog) => {
      ran = true
      void dialog.dismiss()
    })
    const attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>'

    await page.goto(server.issuer + authorizationUrl(pkce, { ...signIn, params: { login_hint: attack } }))
    expect(await page.getByLabel('E-mail or username').inputValue()).toBe(attack)
    for (const name of ['client_id', 'redirect_uri', 'response_type', 'scope', 'resource', 'prompt', 'request']) {
      await page.goto(server.issuer + authorizationUrl(pkce, { ...signIn, params: { [name]: attack } }))
      expect(await page.locator('a[href*="script"], main script:not([nonce])').count()).toBe(0)
    }
    expect(ran).toBe(false)
  })
})

async function startServer(options: Parameters<typeof start>[0] = {}): Promise<Running> {
  const server = await start(options)
  onTestFinished(() => server.close())
  return server
}

interface WithApplication {
  readonly server: Running
  readonly application: Application
  readonly signIn: SignInOptions
  readonly pkce: ReturnType<typeof newPkce>
}

async function withApplication(): Promise<WithApplication> {
  const application = await startApplication()
  const { redirectUri } = application
  const server = await startServer({ clients: [{ clientId: 'shop', clientName: 'Shop', redirectUris: [redirectUri] }] })
  return { server, application, signIn: { clientId: 'shop', redirectUri }, pkce: newPkce() }
}

async function logIn(page: Page): Promise<void> {
  await page.getByLabel('E-mail or username').fill(ALICE.login)
  await page.getByLabel('Password', { exact: true }).fill(ALICE.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** The id of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate('document.activeElement.id')
}
