/**
 * Authorization and logout requests that come by POST, which OpenID Connect wants as well (Core section 3.1.2.1,
 * RP-Initiated Logout section 2).
 *
 * A form of another site brings no SameSite=Lax cookie along, so the request could not see who is signed in. It is sent
 * on as the same request by GET, which a browser makes with the cookies.
 */

import Router from '@koa/router'

import { BodyRefused } from '../../base/faults.ts'
import { ENGINE_PATHS } from '../../provider/routes.ts'
import { readFields } from '../middleware/form.ts'
import { sendOn } from './reply.ts'

// What a request line may hold beside the browser's headers; a larger request is one for pushed authorization requests.
const LONGEST_QUERY = 8192

export function byPostRoutes(): Router {
  const router = new Router()

  router.post([ENGINE_PATHS.authorization, ENGINE_PATHS.end_session], async function sendOnByGet(ctx) {
    const query = (await readFields(ctx.req)).toString()
    if (query.length > LONGEST_QUERY) throw new BodyRefused(413, 'That request is too large.')
    ctx.set('Cache-Control', 'no-store')
    sendOn(ctx, `${ctx.path}?${query}`)
  })

  return router
}
