/** `/inspect` in Chromium: what it says of good and bad tokens, and that it sends none of them. */

import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { describeInBrowser, keepScreenshot } from '../../support/browser.ts'
import { type Running, start } from '../../support/start.ts'
import { callEndpoint } from '../../support/user-agent.ts'

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const ALGORITHMS = {
  ES256: ['https://orders.example', 'orders:read'],
  RS256: ['https://inventory.example', 'inventory:read'],
  EdDSA: ['https://reports.example', 'reports:read'],
  PS256: ['https://ps256.example', 'shop:read'],
  HS256: ['https://hs256.example', 'shop:read'],
} as const
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describeInBrowser('the token inspector', (openPage) => {
  let server: Running
  let good: string
  beforeAll(async () => {
    const scopes = { 'shop:read': 'See the shop' }
    server = await start({
      apis: [
        { audience: ALGORITHMS.PS256[0], scopes, algorithm: 'PS256' },
        {
          audience: ALGORITHMS.HS256[0],
          scopes,
          algorithm: 'HS256',
          secret: Buffer.alloc(32, 7),
          opensUserinfo: false,
        },
      ],
      clients: [
        {
          ...{ clientId: MACHINE.id, grantTypes: ['client_credentials'] },
          apis: Object.fromEntries(Object.values(ALGORITHMS).map(([audience, scope]) => [audience, [scope]])),
        },
      ],
    })
    good = await tokenWith('ES256')
  })
  afterAll(() => server?.close())

  async function tokenWith(algorithm: keyof typeof ALGORITHMS): Promise<string> {
    const [resource, scope] = ALGORITHMS[algorithm]
    const params = { grant_type: 'client_credentials', resource, scope }
    const { body } = await callEndpoint(`${server.issuer}/token`, params, MACHINE)
    return String(body.access_token)
  }

  async function open(options = {}): Promise<Page> {
    const page = await openPage(options)
    await page.goto(`${server.issuer}/inspect`)
    return page
  }

  const verdict = (page: Page, text: string) => page.getByRole('status').filter({ hasText: text }).waitFor()

  it.each(['ES256', 'RS256', 'PS256'] as const)(
    'says of a good %s token that its signature holds',
    async (algorithm) => {
      const page = await open()

      await page.getByLabel('Token').fill(await tokenWith(algorithm))

      await verdict(page, 'The signature holds.')
      expect(await page.locator('#check-times').textContent()).toBe('It has not expired.')
      expect(await page.locator('#check-issuer').textContent()).toContain('This server issued it')
    },
  )

  it('checks an EdDSA token, or says that the browser cannot', async () => {
    const page = await open()

    await page.getByLabel('Token').fill(await tokenWith('EdDSA'))

    await page
      .getByRole('status')
      .filter({ hasText: /The signature holds|cannot check EdDSA/ })
      .waitFor()
  })

  it('sends nothing of the token: it fetches the keys of this server and no more', async () => {
    const page = await open()
    const sent: string[] = []
    page.on('request', (request) => sent.push(`${request.method()} ${request.url()} ${request.postData() ?? ''}`))

    await page.getByLabel('Token').fill(good)
    await verdict(page, 'The signature holds.')

    // Chromium fetches the icon of a page when it has time.
    expect(sent.filter((request) => !request.includes('/assets/icon-'))).toEqual([`GET ${server.issuer}/jwks `])
    for (const part of good.split('.')) expect(sent.join()).not.toContain(part)
    expect(page.url()).toBe(`${server.issuer}/inspect`)
  })

  it('shows the three parts, and explains each member in words', async () => {
    const page = await open()

    await page.getByLabel('Token').fill(good)
    await verdict(page, 'The signature holds.')

    const [header = '', payload = '', signature = ''] = good.split('.')
    expect(await page.locator('.jwt').textContent()).toBe(`${header}.${payload}.${signature}`)
    expect(await page.locator('#members-header').textContent()).toContain('the algorithm of the signature')
    const members = Object.keys(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object)
    expect(await page.locator('#members-payload dt').allTextContents()).toEqual(members)
    expect(await page.locator('#members-payload').textContent()).not.toContain('without a registered meaning')
    expect(await page.locator('#about-signature').textContent()).toContain('64 bytes')
  })

  it('tells what is wrong with a token', async () => {
    const page = await open()
    const [header = '', payload = '', signature = ''] = good.split('.')
    const head = JSON.parse(Buffer.from(header, 'base64url').toString()) as object
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const wrong: readonly (readonly [token: string, says: string])[] = [
      [`${header}.${encode({ ...claims, scope: 'orders:write' })}.${signature}`, 'The signature does not hold.'],
      [`${encode({ ...head, alg: 'none' })}.${payload}.`, 'alg is none'],
      [`${encode({ ...head, kid: 'another' })}.${payload}.${signature}`, 'no key with this kid'],
      [`${encode({ ...head, alg: 'RS256' })}.${payload}.${signature}`, 'no key with this kid'],
      [`${encode({ ...head, alg: 'constructor' })}.${payload}.${signature}`, 'does not know the algorithm'],
      [await tokenWith('HS256'), 'Not checked. A secret'],
      ['an-opaque-token', 'not a signed JWT'],
      [`${encode(['a list'])}.${payload}.${signature}`, 'have to be JSON objects'],
    ]

    for (const [token, says] of wrong) {
      await page.getByLabel('Token').fill(token)
      await verdict(page, says)
    }
    const old = encode({ ...claims, exp: 1, iss: 'https://other.example' })
    await page.getByLabel('Token').fill(`${header}.${old}.${signature}`)
    await verdict(page, 'The signature does not hold.')
    expect(await page.locator('#check-times').textContent()).toContain('expired')
    expect(await page.locator('#check-issuer').textContent()).toContain('another issuer')
  })

  it('puts what a token says into the page as text', async () => {
    const page = await open()
    const markup = '<img src=x onerror="document.title=1">'

    await page.getByLabel('Token').fill(`${encode({ alg: 'HS256' })}.${encode({ [markup]: markup })}.AAAA`)

    await verdict(page, 'Not checked.')
    expect(await page.locator('#members-payload dt').textContent()).toBe(markup)
    expect(await page.locator('img').count()).toBe(0)
  })

  it('works by keyboard alone', async () => {
    const page = await open()

    await page.keyboard.press('Tab')
    await page.keyboard.insertText(good)

    await verdict(page, 'The signature holds.')
  })

  it.each(['light', 'dark'] as const)(
    'has no axe violation and needs no scrolling to the side: %s',
    async (colorScheme) => {
      const page = await open({ colorScheme })
      await page.getByLabel('Token').fill(good)
      await verdict(page, 'The signature holds.')

      for (const width of [1280, 320]) {
        await page.setViewportSize({ width, height: 800 })
        await keepScreenshot(page, `inspect-${width}-${colorScheme}`)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
      }
      const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze()
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
    },
  )
})
