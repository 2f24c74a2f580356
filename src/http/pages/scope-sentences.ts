/** The OpenID scopes as pages describe them. The scopes of APIs bring sentences of their own. */

import { fill } from '../../i18n/fill.ts'
import type { Language } from '../../i18n/language.ts'

/** One sentence a scope. A scope without a sentence is shown by its name: nothing is granted that was not shown. */
export function sentencesFor(scopes: readonly string[], language: Language): string[] {
  const { other, ...known } = language.pages.scopes
  return scopes.map((scope) =>
    Object.hasOwn(known, scope) ? known[scope as keyof typeof known] : fill(other, { scope }, language),
  )
}
