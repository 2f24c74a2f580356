/**
 * The cookies of a sign-in under way.
 *
 * The engine tells parallel sign-ins apart by the path of their cookies. A `__Host-` cookie must have the path `/`
 * (RFC 6265bis section 4.1.3.2), so here the sign-in's id moves from the path into the name: on the way out
 * `NAME; path=/interaction/ID` becomes `NAME.ID; path=/`, and on the way in, at that path, the reverse.
 */

import type { IncomingMessage } from 'node:http'

import type { CookieNames } from './configuration/browsers.ts'

const FLOW_PATH = /^\/(?:interaction|authorize)\/([A-Za-z0-9_-]+)/

/** Gives the request at a sign-in's address the cookies of that sign-in under the names the engine knows. */
export function readFlowCookies(req: IncomingMessage): void {
  const id = FLOW_PATH.exec(req.url ?? '')?.[1]
  const header = req.headers.cookie
  if (id === undefined || header === undefined) return
  req.headers.cookie = header
    .split(/; ?/)
    .map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return name.endsWith(`.${id}`) ? `${name.slice(0, -id.length - 1)}=${value.join('=')}` : pair
    })
    .join('; ')
}

/** The `Set-Cookie` headers with the sign-in's id moved from path to name. */
export function writeFlowCookies(setCookies: readonly string[], { interaction, resume }: CookieNames): string[] {
  return setCookies.flatMap((cookie) => {
    const moved = moveId(cookie)
    // The engine takes back the cookie for the way back when the sign-in goes on, and leaves the one for its pages to
    // expire; sent with every request, those would add up.
    const isTakenBack = moved.startsWith(`${resume}.`) && /; expires=Thu, 01 Jan 1970/i.test(moved)
    return isTakenBack ? [moved, interaction + moved.slice(resume.length)] : [moved]
  })
}

function moveId(cookie: string): string {
  const path = /; path=([^;]*)/i.exec(cookie)?.[1] ?? '/'
  const id = FLOW_PATH.exec(path)?.[1]
  if (id === undefined) return cookie
  const [name = ''] = cookie.split('=')
  return `${name}.${id}${cookie.slice(name.length)}`.replace(`path=${path}`, 'path=/')
}
