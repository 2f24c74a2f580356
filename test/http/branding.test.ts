/** What the operator puts on every page: name, logo, colour and links. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { accentColours } from '../../src/http/pages/brand-colours.ts'
import { type Running, start } from '../support/start.ts'
import { ALICE, authorizationUrl, createUserAgent, newPkce } from '../support/user-agent.ts'

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle r="4"/></svg>'
const BRANDING = {
  name: 'Acme & Sons',
  colour: '#ffcc00',
  help: 'mailto:help@acme.example',
  privacy: 'https://acme.example/privacy',
  terms: undefined,
}

describe('every page of a branded server', () => {
  let app: Running
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'grantor-brand-'))
    const logo = join(folder, 'logo.svg')
    await writeFile(logo, LOGO)
    app = await start({ config: { branding: { ...BRANDING, logo } } })
  })
  afterAll(async () => {
    await app.close()
    await rm(folder, { recursive: true, force: true })
  })

  it.each(['/', '/nothing-here', authorizationUrl(newPkce()), '/authorize?client_id=unknown', '/logout/success'])(
    'has name, logo and links, escaped, under its policy: %s',
    async (address) => {
      const agent = createUserAgent(app)
      const { page } = await agent.follow(await agent.get(address))
      const html = page?.html ?? ''

      expect(html).toContain('<span dir="auto">Acme &amp; Sons</span>')
      expect(/<title>([^<]*)<\/title>/.exec(html)?.[1]).toMatch(/ – Acme &amp; Sons$/)
      expect(html).not.toContain('class="mark"')
      expect(html).toContain('<a href="mailto:help@acme.example" rel="noreferrer">Help</a>')
      expect(html).toContain('<a href="https://acme.example/privacy" rel="noreferrer">Privacy</a>')
      expect(html).not.toContain('>Terms<')
      const [, logo = ''] = /<img class="emblem" src="([^"]+)"/.exec(html) ?? []
      const picture = await fetch(app.issuer + logo)
      expect(picture.headers.get('content-type')).toBe('image/svg+xml')
      expect(await picture.text()).toBe(LOGO)
      expect(picture.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(page?.headers.get('content-security-policy')).toContain("img-src 'self'")
    },
  )

  it('has the logo on the consent page as well, which has a picture of its own', async () => {
    const agent = createUserAgent(app)
    const { page: login } = await agent.follow(await agent.get(authorizationUrl(newPkce())))
    const { page: consent } = await agent.follow(await agent.submit(login ?? fail(), '/login', ALICE))

    expect(consent?.html).toContain('wants to use your account')
    expect(consent?.html).toContain('class="emblem"')
  })

  it('has a stylesheet with the colour', async () => {
    const html = await (await fetch(app.issuer, { headers: { accept: 'text/html' } })).text()
    const [, address = ''] = /<link rel="stylesheet" href="([^"]+)"/.exec(html) ?? []
    const styles = await (await fetch(app.issuer + address)).text()

    expect(styles.trimEnd().endsWith('}')).toBe(true)
    expect(styles).toContain(`--accent:${accentColours('#ffcc00', 'light').accent}`)
    expect(styles).toContain('@media(prefers-color-scheme:dark){:root{--accent:#ffcc00;')
  })
})

describe('a colour of the operator', () => {
  it.each(['#ffcc00', '#ffffff', '#000000', '#ff0000', '#0b6b5d', '#808080', '#7f00ff'])(
    'can be read as text and carries text, in light and in dark: %s',
    (colour) => {
      for (const [scheme, grounds] of [
        ['light', ['#ffffff', '#f2f4f3']],
        ['dark', ['#18201d', '#101614']],
      ] as const) {
        const { accent, strong, on } = accentColours(colour, scheme)

        for (const ground of grounds) {
          expect(ratio(accent, ground), `${accent} on ${ground}`).toBeGreaterThanOrEqual(4.5)
          expect(ratio(strong, ground), `${strong} on ${ground}`).toBeGreaterThanOrEqual(4.5)
        }
        expect(ratio(on, accent), `${on} on ${accent}`).toBeGreaterThanOrEqual(4.5)
        expect(ratio(on, strong), `${on} on ${strong}`).toBeGreaterThanOrEqual(4.5)
      }
    },
  )
})

/** WCAG 2.2, written here once more, so that a mistake in the code does not judge itself. */
function ratio(one: string, other: string): number {
  const luminance = (hex: string) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, at) => {
      const share = Number.parseInt(hex.slice(1 + 2 * at, 3 + 2 * at), 16) / 255
      return sum + weight * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4)
    }, 0.05)
  const [a, b] = [luminance(one), luminance(other)]
  return Math.max(a, b) / Math.min(a, b)
}

function fail(): never {
  throw new Error('no page')
}
