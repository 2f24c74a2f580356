/**
 * The cookies of a sign-in under way.
 *
 * They hold the server's signature, which the address of a sign-in does not have. An attacker who learns the address
 * (from a history, a log, a shared screen) can neither open the pages of the sign-in nor continue or end it.
 *
 * The engine separates parallel sign-ins by the path of their cookies. A `__Host-` cookie must have the path `/` (RFC
 * 6265bis section 4.1.3.2), so here the id of the sign-in moves from the path into the name. In responses `NAME;
 * path=/interaction/ID` becomes `NAME.ID; path=/`; in requests to that path the reverse.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { CookieNames } from '../configuration/browsers.ts'

const FLOW_PATH = /^\/(?:interaction|authorize)\/([A-Za-z0-9_-]+)/

/** Gives the request at a sign-in's address the cookies of that sign-in under the names the engine knows. */
export function readFlowCookies(req: IncomingMessage, names: CookieNames): void {
  const id = FLOW_PATH.exec(req.url ?? '')?.[1]
  const pairs = req.headers.cookie?.split(/; ?/)
  if (id === undefined || pairs === undefined) return
  const isOfThis = (pair: string) => nameOf(pair).endsWith(`.${id}`)
  // A page may ask twice in one request.
  if (!pairs.some(isOfThis)) return
  req.headers.cookie = pairs
    .filter((pair) => !isWithoutId(nameOf(pair), names))
    .map((pair) => (isOfThis(pair) ? nameOf(pair).slice(0, -id.length - 1) + pair.slice(nameOf(pair).length) : pair))
    .join('; ')
}

/** The cookies that the engine has set on this response, with the sign-in's id moved from path to name. */
export function writeFlowCookies(res: ServerResponse, names: CookieNames): void {
  const header = res.getHeader('Set-Cookie')
  if (header === undefined) return
  const cookies = moveIds([header].flat() as string[], names)
  if (cookies.length === 0) res.removeHeader('Set-Cookie')
  else res.setHeader('Set-Cookie', cookies)
}

function moveIds(setCookies: readonly string[], names: CookieNames): string[] {
  return setCookies.flatMap((cookie) => {
    const moved = moveId(cookie)
    // After a rotation of the cookie keys the engine signs the cookies again that it reads, without the path.
    if (isWithoutId(nameOf(moved), names)) return []
    // When the sign-in continues, the engine removes the cookie for the way back and lets the one for its pages expire.
    // Since those are sent with every request, they would accumulate.
    const isTakenBack = moved.startsWith(`${names.resume}.`) && /; expires=Thu, 01 Jan 1970/i.test(moved)
    return isTakenBack ? [moved, names.interaction + moved.slice(names.resume.length)] : [moved]
  })
}

function moveId(cookie: string): string {
  const path = /; path=([^;]*)/i.exec(cookie)?.[1] ?? '/'
  const id = FLOW_PATH.exec(path)?.[1]
  if (id === undefined) return cookie
  const name = nameOf(cookie)
  return `${name}.${id}${cookie.slice(name.length)}`.replace(`path=${path}`, 'path=/')
}

/** A cookie of a sign-in, without the information which one. */
function isWithoutId(name: string, { interaction, resume }: CookieNames): boolean {
  return [interaction, resume].some((flow) => name === flow || name === `${flow}.sig`)
}

function nameOf(cookie: string): string {
  return cookie.split('=')[0] ?? ''
}
