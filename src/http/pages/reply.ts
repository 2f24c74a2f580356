/** How our pages leave: with a fresh nonce, a policy that names it, and nothing kept by any cache. */

import type { Context } from 'koa'

import { randomId } from '../../base/ids.ts'
import { type PagePolicy, pageSecurityPolicy } from './security-policy.ts'

const NONCE_BYTES = 16

export interface PageOptions extends Omit<PagePolicy, 'nonce'> {
  /** Whether the page has forms for the form guard, which wants to see their `Origin`. */
  readonly guardedForms?: boolean
}

/** Answers with the page that `render` makes for the nonce. */
export function showPage(
  ctx: Context,
  status: number,
  render: (nonce: string) => string,
  { guardedForms = false, ...policy }: PageOptions = {},
): void {
  const nonce = randomId(NONCE_BYTES)
  ctx.status = status
  ctx.type = 'text/html; charset=utf-8'
  ctx.set('Content-Security-Policy', pageSecurityPolicy({ ...policy, nonce }))
  ctx.set('Cache-Control', 'no-store')
  // Under `no-referrer` browsers send `Origin: null` with our own forms (Fetch, section 3.2), and the guard could not
  // distinguish them from foreign ones. With `same-origin` other sites learn no more.
  ctx.set('Referrer-Policy', guardedForms ? 'same-origin' : 'no-referrer')
  ctx.body = render(nonce)
}

/** Redirects with GET: 303, never 307, so that a form is not posted again elsewhere. */
export function sendOn(ctx: Context, address: string): void {
  ctx.status = 303
  // Not `ctx.redirect`, which re-encodes the address: it must arrive as the engine made it.
  ctx.set('Location', address)
  ctx.body = ''
}
