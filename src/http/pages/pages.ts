/**
 * Everything that people see in a browser: one Koa application, and the few routes that it answers.
 *
 * The engine's endpoints are not behind it; whoever listens sends those elsewhere. It reads no environment, holds no
 * state, and asks the engine only through `Interactions`.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'

import type { Accounts } from '../../accounts/accounts.ts'
import type { Logins } from '../../accounts/logins.ts'
import type { Audit } from '../../audit/audit.ts'
import type { Log } from '../../audit/log.ts'
import { NotFound } from '../../base/faults.ts'
import type { Interactions } from '../../provider/interactions.ts'
import { LOGOUT_CONFIRMATION } from '../../provider/routes.ts'
import { answerErrors } from '../middleware/errors.ts'
import { createFormGuard, type FormGuard } from '../middleware/form-guard.ts'
import { type AccountPagesParts, accountRoutes } from './account.ts'
import type { Assets } from './assets.ts'
import { byPostRoutes } from './by-post.ts'
import { interactionRoutes } from './interaction.ts'
import type { ConsentLifetimes } from './lasting.ts'
import type { DemoLogin } from './login.ts'
import type { Renderer } from './render.ts'
import { showPage } from './reply.ts'
import { tourRoutes } from './tour.ts'

export interface PagesOptions {
  readonly issuer: string
  readonly production: boolean
  readonly interactions: Interactions
  readonly logins: Pick<Logins, 'checkLogin'>
  readonly accounts: Pick<Accounts, 'findAccount' | 'findSignedIn'>
  readonly lifetimes: ConsentLifetimes
  readonly audit: Pick<Audit, 'record'>
  readonly log: Log
  readonly assets: Assets
  readonly renderer: Renderer
  /** Makes the form tokens; the same on every node, at least 32 bytes. */
  readonly csrfKey: Uint8Array
  /** Offered on the login page; refused in production. */
  readonly demo?: DemoLogin
  /** Opens `/tour`; refused in production. */
  readonly tour?: { readonly selfUrl: () => string }
  /** Opens `/account`. */
  readonly account?: Omit<AccountPagesParts, 'issuer' | 'accounts' | 'guard' | 'renderer'>
}

export interface Pages {
  /** Answers one request; never rejects. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
}

const SMALLEST_KEY_BYTES = 32
const YEAR_SECONDS = 31_536_000

export function createPages(options: PagesOptions): Pages {
  const { issuer, production, demo, tour, log, renderer, csrfKey } = options
  if (production && (demo !== undefined || tour !== undefined)) throw new TypeError('no demo and no tour in production')
  if (csrfKey.byteLength < SMALLEST_KEY_BYTES) throw new TypeError(`csrfKey has at least ${SMALLEST_KEY_BYTES} bytes`)

  // Whoever listens has replaced `X-Forwarded-For` by the address that is true (http/request-facts.ts).
  const app = new Koa({ proxy: true, maxIpsCount: 1 })
  app.on('error', (err) => log.error({ err }, 'a page could not be sent'))
  app.use(answerErrors({ log, renderErrorPage: renderer.renderErrorPage }))
  const guard = createFormGuard({ csrfKey, issuer })
  mount(app, interactionRoutes({ ...options, demo, guard }))
  mount(app, byPostRoutes())
  mount(app, forgedLogoutRoutes(guard))
  mount(app, plainRoutes(options))
  if (options.account !== undefined) mount(app, accountRoutes({ ...options, ...options.account, guard }))
  if (tour !== undefined) mount(app, tourRoutes({ issuer, renderer, selfUrl: tour.selfUrl }))

  return { handle: app.callback() }
}

function mount(app: Koa, router: Router): void {
  app.use(router.routes() as Middleware)
  app.use(router.allowedMethods() as Middleware)
}

/** What the dispatcher keeps from the engine: a confirmation of a logout that another site sent. */
function forgedLogoutRoutes(guard: FormGuard): Router {
  const router = new Router()
  router.post(LOGOUT_CONFIRMATION, function refuse(ctx) {
    guard.refuseOtherOrigins(ctx)
    throw new NotFound()
  })
  return router
}

function plainRoutes({ issuer, production, tour, assets, renderer }: PagesOptions): Router {
  const router = new Router()

  router.get('/', function landing(ctx) {
    const page = { issuer, development: !production, tour: tour !== undefined }
    showPage(ctx, 200, (nonce) => renderer.renderLandingPage({ ...page, nonce }))
  })

  router.get('/assets/:file', function asset(ctx) {
    const found = assets.find(ctx.params.file ?? '')
    if (found === undefined) throw new NotFound()
    ctx.type = found.type
    ctx.set('Cache-Control', `public, max-age=${YEAR_SECONDS}, immutable`)
    ctx.body = found.body
  })

  return router
}
