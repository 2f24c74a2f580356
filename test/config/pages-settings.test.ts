/** What grantor.yaml says about the pages: branding, well-known addresses, and the addresses of an application. */

import { describe, expect, it } from 'vitest'

import { ConfigInvalid } from '../../src/faults/start.ts'
import { loadConfig } from '../../src/config/load-config.ts'

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg"/>'
const FILES: Readonly<Record<string, string>> = { '/srv/logo.svg': LOGO, '/srv/large.png': 'x'.repeat(200_001) }

function load(yaml: string) {
  return loadConfig({
    env: {},
    cwd: '/srv',
    readFile(path) {
      const text = path === '/srv/grantor.yaml' ? yaml : FILES[path]
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' })
      return text
    },
  })
}

function problemsOf(yaml: string): readonly string[] {
  try {
    load(yaml)
    return []
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems
    throw error
  }
}

const client = (line: string) =>
  `clients: [{ client_id: shop, token_endpoint_auth_method: none, redirect_uris: [https://shop.example/callback], ${line} }]`

describe('branding', () => {
  it('is read, with the logo where the file is and the colour in small letters', () => {
    const { branding } = load(
      'branding: { name: Example, logo: logo.svg, colour: "#0B6B5D", help: "mailto:help@example.com", privacy: "https://example.com/privacy" }',
    )

    expect(branding).toEqual({
      name: 'Example',
      logo: '/srv/logo.svg',
      colour: '#0b6b5d',
      help: 'mailto:help@example.com',
      privacy: 'https://example.com/privacy',
      terms: undefined,
    })
  })

  it.each([
    ['a logo that is not there', 'branding: { logo: other.svg }', /branding.logo is "other.svg"; it wants the path/],
    ['a logo of megabytes', 'branding: { logo: large.png }', /branding.logo is .* at most 200 kB/],
    ['a logo of another kind', 'branding: { logo: logo.gif }', /branding.logo is "logo.gif"/],
    ['a colour by name', 'branding: { colour: teal }', /branding.colour is "teal"; it wants a colour such as/],
    ['a link that is script', 'branding: { help: "javascript:alert(1)" }', /branding.help is .* an https or mailto/],
    ['a link in clear', 'branding: { privacy: "http://example.com" }', /branding.privacy is .* an https or mailto/],
    ['an empty name', 'branding: { name: "" }', /branding.name is ""; it wants a short text/],
  ])('is refused with %s', (_, yaml, sentence) => {
    expect(problemsOf(yaml)).toEqual([expect.stringMatching(sentence)])
  })
})

describe('well_known', () => {
  it('is absent unless it is set', () => {
    expect(load('').wellKnown).toEqual({ changePassword: undefined, securityText: undefined })
  })

  it.each([
    [
      'a security.txt without its end',
      'well_known: { security_txt: { contact: ["mailto:a@b.example"] } }',
      /expires is missing/,
    ],
    [
      'a contact with a line break',
      'well_known: { security_txt: { contact: ["https://a.example/\\nPolicy: x"], expires: "2027-01-31T00:00:00Z" } }',
      /contact\[0\] is .* it wants an https, mailto or tel address/,
    ],
    [
      'an end that is a day',
      'well_known: { security_txt: { contact: ["tel:+1"], expires: "2027-01-31" } }',
      /expires is "2027-01-31"; it wants a moment/,
    ],
    [
      'a page in clear',
      'well_known: { change_password: "http://a.example" }',
      /change_password is .* an https address/,
    ],
  ])('is refused with %s', (_, yaml, sentence) => {
    expect(problemsOf(yaml)).toEqual([expect.stringMatching(sentence)])
  })
})

describe("an application's addresses", () => {
  it.each([
    ['a start page that is script', client('client_uri: "javascript:alert(1)"'), /client_uri is .* an https address/],
    ['a start of sign-ins in clear', client('initiate_login_uri: "http://shop.example"'), /initiate_login_uri is /],
    [
      'a logo at another host',
      client('logo_uri: "https://tracker.example/logo.png"'),
      /logo_uri is .* at the host of client_uri or of a redirect URI/,
    ],
  ])('are refused with %s', (_, yaml, sentence) => {
    expect(problemsOf(yaml)).toEqual([expect.stringMatching(sentence)])
  })

  it('are taken at its own host', () => {
    const { clients } = load(client('client_uri: https://shop.example/, logo_uri: https://shop.example/logo.png'))

    expect(clients[0]).toMatchObject({
      clientUri: 'https://shop.example/',
      logoUri: 'https://shop.example/logo.png',
    })
  })
})
