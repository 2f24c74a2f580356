/** The page that asks whether to sign out. */

import { around } from '../../i18n/fill.ts'
import type { Language } from '../../i18n/language.ts'
import { createPage, type PageModel, type ShowPage } from '../pages/page.ts'
import { safeName } from '../pages/shown-names.ts'
import type { Views } from '../pages/views.ts'

interface LogoutFacts {
  readonly action: string
  readonly xsrf: string
  /** The application that asks for it. */
  readonly clientName?: string | undefined
}

export function logoutPage(views: Views): ShowPage<LogoutFacts> {
  return createPage(views, 'sign-in/logout', modelOf)
}

function modelOf({ action, xsrf, clientName = '' }: LogoutFacts, language: Language): PageModel {
  const texts = language.pages.logout
  return {
    ...{ title: texts.title, texts, action, xsrf, leadOfClient: around(texts.leadOfClient, 'client') },
    clientName: clientName === '' ? '' : safeName(clientName, language),
  }
}
