/** What answers a page's route, by the route's name in http/routes.ts. */

import type { RouterContext } from '@koa/router'

import type { PageName } from '../routes.ts'

export type PageHandler = (ctx: RouterContext) => void | Promise<void>

export type PageHandlers = Partial<Record<PageName, PageHandler>>
