/** A form that sends itself on by script (its policy needs `scripts: true`), or by its button. */

import type { Language } from '../../i18n/language.ts'
import { createPage, type PageModel, type ShowPage } from '../pages/page.ts'
import type { Views } from '../pages/views.ts'

interface FormPostFacts {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
}

export function formPostPage(views: Views): ShowPage<FormPostFacts> {
  return createPage(views, 'sign-in/form-post', modelOf)
}

function modelOf({ action, fields }: FormPostFacts, { pages: { formPost: texts } }: Language): PageModel {
  return {
    ...{ title: texts.title, texts, action },
    fields: Object.entries(fields).map(([name, value]) => ({ name, value })),
  }
}
