/** Serves the single-page app: five files and a strict policy. There is no back end behind it. */

import { readFile } from 'node:fs/promises'

import type { Handler } from '../listen.ts'
import type { ApiAddresses } from '../apis/addresses.ts'

export interface SpaOptions {
  readonly issuer: string
  readonly clientId: string
  /** Where the app answers, without a slash at the end. */
  readonly origin: string
  readonly apis: ApiAddresses
}

/** Only these: a path from the address never reaches the file system. */
const FILES = {
  '/': ['./index.html', 'text/html; charset=utf-8'],
  '/callback': ['./index.html', 'text/html; charset=utf-8'],
  '/app.js': ['./app.js', 'text/javascript; charset=utf-8'],
  '/oauth.js': ['./oauth.js', 'text/javascript; charset=utf-8'],
  '/style.css': ['../style.css', 'text/css; charset=utf-8'],
} as const

export async function spaServer({ issuer, clientId, origin, apis }: SpaOptions): Promise<Handler> {
  const files = new Map<string, { body: string; type: string }>()
  for (const [path, [file, type]] of Object.entries(FILES)) {
    files.set(path, { body: await readFile(new URL(file, import.meta.url), 'utf8'), type })
  }
  const settings = { issuer, clientId, redirectUri: `${origin}/callback`, signedOutUri: `${origin}/`, apis }
  files.set('/settings.json', { body: JSON.stringify(settings), type: 'application/json' })
  const headers = {
    'Content-Security-Policy': contentSecurityPolicy(issuer, apis),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  }

  return function spa(req, res) {
    const file = req.method === 'GET' ? files.get(req.url?.split('?')[0] ?? '') : undefined
    if (file === undefined) res.writeHead(404, headers).end()
    else res.writeHead(200, { ...headers, 'Content-Type': file.type }).end(file.body)
  }
}

/**
 * Scripts only from our own files, and connections only to the servers that we call: injected code has no place to send
 * a token to.
 */
function contentSecurityPolicy(issuer: string, apis: ApiAddresses): string {
  const callees = [issuer, ...Object.values(apis)].map((address) => new URL(address).origin)
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    `connect-src 'self' ${callees.join(' ')}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ')
}
