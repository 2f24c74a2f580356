/** The page at `/` of a server in production: it offers nothing, and says where to go. */

import type { Branding } from '../../config/config.ts'
import type { Language } from '../../i18n/language.ts'
import { createPage, type PageModel } from '../pages/page.ts'
import type { PageHandlers } from '../pages/handlers.ts'
import type { Views } from '../pages/views.ts'

export function homePages(views: Views): PageHandlers {
  const show = createPage(views, 'home/home', modelOf)
  return { landing: (ctx) => show(ctx, 200, views.branding) }
}

function modelOf({ name }: Branding, { pages: { home: texts } }: Language): PageModel {
  return { title: name ?? texts.title, texts }
}
