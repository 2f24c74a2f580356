/**
 * Everything that people see in a browser: one Koa application with a few routes.
 *
 * The engine's endpoints are not behind it; the dispatcher sends those elsewhere. It reads no environment, holds no
 * state, and uses the engine only through `Interactions`.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'

import type { Accounts } from '../../accounts/accounts.ts'
import type { Logins } from '../../accounts/logins.ts'
import type { Audit } from '../../audit/audit.ts'
import type { Log } from '../../audit/log.ts'
import type { WellKnown } from '../../config/config.ts'
import type { Fault } from '../../faults/fault.ts'
import { NotFound } from '../../faults/requests.ts'
import type { Interactions } from '../../engine/port.ts'
import { answerErrors, errorPage } from './error.ts'
import { createFormGuard } from '../forms/form-guard.ts'
import { ROUTES } from '../routes.ts'
import { type AccountPagesParts, accountPages } from '../account/apps.ts'
import { postToGetPages } from '../sign-in/post-to-get.ts'
import type { PageHandler, PageHandlers } from './handlers.ts'
import { interactionPages } from '../sign-in/interaction.ts'
import type { ConsentLifetimes } from '../sign-in/consent.ts'
import type { DemoLogin } from '../sign-in/login.ts'
import type { Views } from './views.ts'
import { homePages } from '../home/home.ts'
import { inspectPages } from '../inspect/inspect.ts'
import { wellKnownPages } from '../home/well-known.ts'
import { landingPages } from '../tour/landing.ts'
import { tourPages } from '../tour/tour.ts'

export interface PagesOptions {
  readonly issuer: string
  readonly production: boolean
  readonly interactions: Interactions
  readonly logins: Pick<Logins, 'checkLogin' | 'rememberDevice'>
  readonly accounts: Pick<Accounts, 'findAccount' | 'findSignedIn'>
  readonly lifetimes: ConsentLifetimes
  readonly audit: Pick<Audit, 'record'>
  readonly log: Log
  readonly views: Views
  readonly wellKnown: WellKnown
  /** Makes the form tokens; the same on every node, at least 32 bytes. */
  readonly csrfKey: Uint8Array
  /** Offered on the login page; refused in production. */
  readonly demo?: DemoLogin
  /** Opens `/tour`; refused in production. */
  readonly tour?: { readonly selfUrl: () => string }
  /** Opens `/account`. */
  readonly account?: Omit<AccountPagesParts, 'issuer' | 'accounts' | 'guard' | 'views'>
}

export interface Pages {
  /** Answers one request; never rejects. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /** Answers a request that is refused before any page sees it; never rejects. */
  refuse(req: IncomingMessage, res: ServerResponse, fault: Fault): Promise<void>
}

const SMALLEST_KEY_BYTES = 32
const YEAR_SECONDS = 31_536_000

export function createPages(options: PagesOptions): Pages {
  const { issuer, production, demo, tour, log, views, csrfKey } = options
  if (production && (demo !== undefined || tour !== undefined)) throw new TypeError('no demo and no tour in production')
  if (csrfKey.byteLength < SMALLEST_KEY_BYTES) throw new TypeError(`csrfKey has at least ${SMALLEST_KEY_BYTES} bytes`)

  // The dispatcher has replaced `X-Forwarded-For` by the verified address (http/request-facts.ts).
  const app = new Koa({ proxy: true, maxIpsCount: 1 })
  app.on('error', (err) => log.event('page_not_sent', { err }))
  app.use(answerErrors({ log, showError: errorPage(views), interactions: options.interactions }))
  const refused = new WeakMap<IncomingMessage, Fault>()
  app.use(async function refuse(ctx, next) {
    const fault = refused.get(ctx.req)
    if (fault !== undefined) throw fault
    await next()
  })
  const guard = createFormGuard({ csrfKey, issuer })
  mount(app, {
    ...interactionPages({ ...options, demo, guard }),
    ...postToGetPages(),
    ...assetPages(views),
    ...inspectPages(views, issuer),
    ...wellKnownPages(options),
    ...(production ? homePages(views) : landingPages(views, { issuer, hasTour: tour !== undefined })),
    ...(options.account && accountPages({ ...options, ...options.account, guard })),
    ...(tour && tourPages({ issuer, views, selfUrl: tour.selfUrl })),
  })
  const handle = app.callback()

  return {
    handle,
    refuse(req, res, fault) {
      refused.set(req, fault)
      return handle(req, res)
    },
  }
}

/** A page without a handler is not offered by this server (the tour in production). */
function mount(app: Koa, handlers: PageHandlers): void {
  const byName: ReadonlyMap<string, PageHandler> = new Map(Object.entries(handlers))
  const router = new Router()
  for (const { name, path, methods } of ROUTES) {
    const handler = byName.get(name)
    if (handler !== undefined) router.register(path, [...methods], handler)
  }
  app.use(router.routes() as Middleware)
  app.use(router.allowedMethods() as Middleware)
}

function assetPages({ assets }: Views): PageHandlers {
  return {
    asset(ctx) {
      const found = assets.find(ctx.params.file ?? '')
      if (found === undefined) throw new NotFound()
      ctx.type = found.type
      ctx.set('Cache-Control', `public, max-age=${YEAR_SECONDS}, immutable`)
      ctx.body = found.body
    },
  }
}
