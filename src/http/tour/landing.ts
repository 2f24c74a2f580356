/** The page at `/` of a server in development, for developers and in English alone: what there is to see. */

import { createPage } from '../pages/page.ts'
import type { PageHandlers } from '../pages/handlers.ts'
import type { Views } from '../pages/views.ts'

interface LandingFacts {
  readonly issuer: string
  readonly hasTour: boolean
}

export function landingPages(views: Views, facts: LandingFacts): PageHandlers {
  const show = createPage(views, 'tour/landing', modelOf)
  return { landing: (ctx) => show(ctx, 200, facts) }
}

function modelOf(facts: LandingFacts) {
  return { title: 'Grantor', ...facts }
}
