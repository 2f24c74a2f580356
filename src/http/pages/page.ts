/**
 * A page: its view, and what the view shows of the facts that a surface knows.
 *
 * Every page leaves with a fresh nonce, a policy that names it, and nothing kept by any cache.
 */

import type { Context } from 'koa'

import { randomId } from '../../base/ids.ts'
import type { Branding } from '../../config/config.ts'
import type { Language } from '../../i18n/language.ts'
import { LANGUAGES } from '../../i18n/languages.ts'
import { type PagePolicy, pageSecurityPolicy } from './security-policy.ts'
import type { Views } from './views.ts'

/** What a view shows. */
export interface PageModel {
  readonly title: string
  /** Wider than a form. */
  readonly wide?: boolean
  readonly [name: string]: unknown
}

export interface PageOptions extends Omit<PagePolicy, 'nonce'> {
  /** Whether the page has forms for the form guard, which wants to see their `Origin`. */
  readonly guardedForms?: boolean
}

/** Answers with the page for these facts, in the language of the reader. */
export type ShowPage<Facts> = (ctx: Context, status: number, facts: Facts, options?: PageOptions) => void

const NONCE_BYTES = 16
const PRODUCT = 'Grantor'

/** Compiles the view at once, so a view that is missing or broken stops the start. */
export function createPage<Facts>(
  { assets: { stylesheet, icon, logo }, branding, compile }: Views,
  view: string,
  modelOf: (facts: Facts, language: Language) => PageModel,
): ShowPage<Facts> {
  const toHtml = compile(view)
  return function show(ctx, status, facts, { guardedForms = false, ...policy } = {}) {
    const nonce = randomId(NONCE_BYTES)
    const language = languageOf(ctx)
    ctx.status = status
    ctx.type = 'text/html; charset=utf-8'
    ctx.set('Content-Security-Policy', pageSecurityPolicy({ ...policy, nonce }))
    ctx.set('Cache-Control', 'no-store')
    // Under `no-referrer` browsers send `Origin: null` with our own forms (Fetch, section 3.2), and the guard could not
    // distinguish them from foreign ones. With `same-origin` other sites learn no more.
    ctx.set('Referrer-Policy', guardedForms ? 'same-origin' : 'no-referrer')
    const model = modelOf(facts, language)
    const frame = { nonce, stylesheet, icon, language: language.tag, direction: language.direction, wide: false }
    ctx.body = toHtml({ ...frame, ...operatorModel(branding, model.title, language), emblem: logo, ...model })
  }
}

/** The name above the page and in its title, and the links below it. */
function operatorModel({ name, help, privacy, terms }: Branding, title: string, { pages: { foot } }: Language) {
  const links = [
    { address: help, text: foot.help },
    { address: privacy, text: foot.privacy },
    { address: terms, text: foot.terms },
  ]
  return {
    operator: name ?? PRODUCT,
    isBranded: name !== undefined,
    windowTitle: name === undefined || name === title ? title : `${title} – ${name}`,
    footName: foot.about,
    footLinks: links.filter(({ address }) => address !== undefined),
  }
}

/** Of several languages the one that the browser prefers, else the first. */
export function languageOf(
  ctx: Pick<Context, 'acceptsLanguages'>,
  languages: readonly [Language, ...Language[]] = LANGUAGES,
): Language {
  const [first] = languages
  if (languages.length === 1) return first
  const preferred = ctx.acceptsLanguages(languages.map(({ tag }) => tag))
  return languages.find(({ tag }) => tag === preferred) ?? first
}
