/**
 * `/inspect`: explains and checks a JWT in the browser.
 *
 * The server sends a page and its script, and gets nothing back: the script fetches the public keys, as every API does.
 */

import type { Language } from '../../i18n/language.ts'
import type { PageHandlers } from '../pages/handlers.ts'
import { createPage, type PageModel } from '../pages/page.ts'
import type { Views } from '../pages/views.ts'

interface InspectFacts {
  readonly issuer: string
  /** The address of the script. */
  readonly script: string
}

export function inspectPages(views: Views, issuer: string): PageHandlers {
  const show = createPage(views, 'inspect/inspect', modelOf)
  const facts = { issuer, script: views.assets.inspector }
  return { inspect: (ctx) => show(ctx, 200, facts, { scripts: true, fetches: true }) }
}

function modelOf({ issuer, script }: InspectFacts, { pages: { inspect: texts } }: Language): PageModel {
  // The script reads what it says from an attribute, which EJS escapes: JSON in a script element could end the element.
  return { title: texts.title, wide: true, texts, script, forScript: JSON.stringify({ ...texts, issuerHere: issuer }) }
}
