/**
 * Authorization and logout requests that come by POST, which OpenID Connect wants as well (Core section 3.1.2.1,
 * RP-Initiated Logout section 2).
 *
 * A form of another site brings no SameSite=Lax cookie along, so the request could not see who is signed in. It is sent
 * on as the same request by GET, which a browser makes with the cookies.
 */

import type { Context } from 'koa'

import { BodyRefused } from '../../faults/requests.ts'
import { readFields } from '../forms/form.ts'
import type { PageHandlers } from '../pages/handlers.ts'
import { sendOn } from '../pages/send-on.ts'

// The part of a request line that is left after the browser's headers. Larger requests need pushed authorization
// requests.
const LONGEST_QUERY = 8192

export function postToGetPages(): PageHandlers {
  return { 'authorization-by-post': sendOnByGet, 'logout-by-post': sendOnByGet }
}

async function sendOnByGet(ctx: Context): Promise<void> {
  const query = (await readFields(ctx.req)).toString()
  if (query.length > LONGEST_QUERY) throw new BodyRefused('query_too_large')
  ctx.set('Cache-Control', 'no-store')
  sendOn(ctx, `${ctx.path}?${query}`)
}
