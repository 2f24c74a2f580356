/**
 * Chromium for the tests of pages, and an application for it to come back to.
 *
 * Without Chromium the tests that need it are skipped, in one loud line; where CI=true they fail instead.
 */

import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'

const CHROMIUM = '/usr/bin/chromium' // Debian's
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Opens a page in a browser profile of its own, which ends with the test. */
export type OpenPage = (options?: BrowserContextOptions) => Promise<Page>

/** A `describe` whose tests have a browser. */
export function describeInBrowser(title: string, tests: (openPage: OpenPage) => void): void {
  const missing = !existsSync(CHROMIUM)
  if (missing) console.warn(`SKIPPED: ${title}, because there is no ${CHROMIUM}`)

  describe.skipIf(missing && process.env.CI !== 'true')(title, () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS })
    })
    afterAll(() => browser?.close())

    tests(async (options) => {
      const context = await browser.newContext(options)
      onTestFinished(() => context.close())
      return context.newPage()
    })
  })
}

/** What came to the application: where, how, and the fields of query or body. */
export interface Arrival {
  readonly path: string
  readonly method: string
  readonly fields: URLSearchParams
}

export interface Application {
  readonly url: string
  readonly redirectUri: string
  readonly arrivals: Arrival[]
}

/** An application that takes whatever comes to it, on a free port of another host name than the issuer's. */
export async function startApplication(): Promise<Application> {
  const arrivals: Arrival[] = []
  const server = createServer((req, res) => {
    void text(req).then((body) => {
      const { pathname, searchParams } = new URL(req.url ?? '/', 'http://application')
      const fields = req.method === 'POST' ? new URLSearchParams(body) : searchParams
      if (pathname !== '/favicon.ico') arrivals.push({ path: pathname, method: req.method ?? '', fields })
      res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>The application</title>')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, redirectUri: `${url}/callback`, arrivals }
}

/** Keeps a picture in the folder that SCREENSHOTS names, for a person to look at; without it, none. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder === undefined) return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
