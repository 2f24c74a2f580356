/** The page after signing out. */

import { around } from '../../i18n/fill.ts'
import type { Language } from '../../i18n/language.ts'
import { createPage, type PageModel, type ShowPage } from '../pages/page.ts'
import { safeName } from '../pages/shown-names.ts'
import type { Views } from '../pages/views.ts'

interface LoggedOutFacts {
  /** The application that asked for it. */
  readonly clientName?: string | undefined
}

export function loggedOutPage(views: Views): ShowPage<LoggedOutFacts> {
  return createPage(views, 'sign-in/logged-out', modelOf)
}

function modelOf({ clientName = '' }: LoggedOutFacts, language: Language): PageModel {
  const texts = language.pages.loggedOut
  const name = clientName === '' ? '' : safeName(clientName, language)
  return { title: texts.title, texts, left: around(texts.left, 'client'), clientName: name }
}
