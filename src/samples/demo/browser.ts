/**
 * A very small browser: keeps cookies, follows redirects, reads forms and sends them. It runs no scripts, so what it can
 * do, a browser without JavaScript can do as well.
 */

export interface Form {
  readonly action: URL
  readonly fields: Readonly<Record<string, string>>
}

export interface Page {
  readonly url: URL
  readonly status: number
  readonly html: string
  readonly forms: readonly Form[]
}

/** Where a request ended: at a page of the site, or at an address of another site, which is not opened. */
export type Arrival = { readonly page: Page; readonly left?: never } | { readonly left: URL; readonly page?: never }

export interface Browser {
  open(address: URL | string): Promise<Arrival>
  /** Sends a form as it was found, with these fields filled in. */
  submit(form: Form, fields?: Readonly<Record<string, string>>): Promise<Arrival>
}

/** The method, headers and body; none after a redirect. */
interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: URLSearchParams
}

const MAX_REDIRECTS = 10

/** A browser without any cookies yet, that stays on the site of `home`. */
export function createBrowser(home: string): Browser {
  const { origin } = new URL(home)
  const cookies = new Map<string, string>()

  async function request(address: URL, init: Sent = {}): Promise<Arrival> {
    let url = address
    let next = init
    for (let hops = 0; hops < MAX_REDIRECTS; hops++) {
      if (url.origin !== origin) return { left: url }
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(url, { ...next, redirect: 'manual', headers: { ...next.headers, cookie } })
      keepCookies(response)
      const location = response.headers.get('location')
      if (location === null) return { page: toPage(url, response.status, await response.text()) }
      url = new URL(location, url)
      // 302 and 303 turn a form into a plain request; nothing here answers 307 (RFC 9700 section 4.12).
      next = {}
    }
    throw new Error(`more than ${MAX_REDIRECTS} redirects`)
  }

  function keepCookies(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';')
      const name = pair.slice(0, pair.indexOf('=')).trim()
      const value = pair.slice(pair.indexOf('=') + 1).trim()
      if (value === '' || attributes.some((text) => /^\s*max-age=0/i.test(text))) cookies.delete(name)
      else cookies.set(name, value)
    }
  }

  return {
    open: (address) => request(new URL(address)),
    submit: ({ action, fields }, filled = {}) =>
      request(action, { method: 'POST', headers: { origin }, body: new URLSearchParams({ ...fields, ...filled }) }),
  }
}

function toPage(url: URL, status: number, html: string): Page {
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, tag = '', inside = '']) => ({
    action: new URL(attributesOf(tag).action ?? '', url),
    fields: fieldsOf(inside),
  }))
  return { url, status, html, forms }
}

/** Inputs only: the caller adds the value of the button that it presses. */
function fieldsOf(html: string): Record<string, string> {
  const inputs = [...html.matchAll(/<input\b([^>]*)>/gi)].map(([, tag = '']) => attributesOf(tag))
  return Object.fromEntries(inputs.flatMap(({ name, value = '' }) => (name === undefined ? [] : [[name, value]])))
}

function attributesOf(tag: string): Record<string, string> {
  return Object.fromEntries(
    [...tag.matchAll(/([\w-]+)\s*=\s*"([^"]*)"/g)].map(([, name = '', value = '']) => [
      name.toLowerCase(),
      decoded(value),
    ]),
  )
}

const CHARACTERS: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&#34;': '"',
  '&quot;': '"',
  '&#39;': "'",
}

function decoded(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#34|#39);/g, (entity) => CHARACTERS[entity] ?? entity)
}
