/** Redirects of pages. */

import type { Context } from 'koa'

/** Redirects with GET: 303, never 307, so that a form is not posted again elsewhere. */
export function sendOn(ctx: Context, address: string): void {
  ctx.status = 303
  // Not `ctx.redirect`, which re-encodes the address: it must arrive as the engine made it.
  ctx.set('Location', address)
  ctx.body = ''
}
