/**
 * The links of an error page; every error page has at least the start page.
 *
 * An address is one of the table of routes, one that the application registered, or this browser's own authorization
 * request. None is made of the request that failed, but for an empty address, which a browser takes as the same once more.
 */

import type { Context } from 'koa'

import type { WaysOut } from '../../engine/port.ts'
import { fill } from '../../i18n/fill.ts'
import type { Language } from '../../i18n/language.ts'
import { type RouteName, routesAt } from '../routes.ts'
import { safeName } from './shown-names.ts'

type WayTexts = Language['pages']['waysOut']

export interface WayOut {
  readonly text: keyof WayTexts
  readonly address: string
  readonly clientName?: string
}

const TOUR: WayOut = { text: 'tour', address: '/tour' }
const HOME: WayOut = { text: 'home', address: '/' }
const ONCE_MORE: WayOut = { text: 'onceMore', address: '' }

/** What the error page offers, the best first. `known` is what the engine knows of the sign-in or the application. */
export function waysOut(
  { method, path }: Pick<Context, 'method' | 'path'>,
  { status, isGone = false, known }: { status: number; isGone?: boolean; known?: WaysOut | undefined },
): readonly WayOut[] {
  const passes = status >= 500 || status === 429
  const isRead = method === 'GET' || method === 'HEAD'
  const form = isGone ? undefined : pageOfForm(path)
  const ways = [
    ...(passes && isRead && form === undefined ? [ONCE_MORE] : []),
    ...(form === undefined ? [] : [{ text: 'form', address: form } as const]),
    ...(isTour(path) ? [TOUR] : []),
    ...(known === undefined || passes ? [] : ofClient(known)),
  ]
  return [...ways, HOME]
}

/** What a view shows of them. */
export function waysModel(ways: readonly WayOut[], language: Language) {
  const texts: WayTexts = language.pages.waysOut
  return ways.map(({ text, address, clientName }, index) => ({
    address,
    text: fill(texts[text], clientName === undefined ? {} : { client: safeName(clientName, language) }, language),
    isFirst: index === 0,
  }))
}

function ofClient({ clientName, restart, application }: WaysOut): WayOut[] {
  return [
    ...(restart === undefined ? [] : [{ text: 'restart', address: restart } as const]),
    ...(application === undefined ? [] : [{ text: 'application', address: application, clientName } as const]),
  ]
}

/** The page on which this address' form is: one segment up. `undefined` when it is the address of no form. */
function pageOfForm(path: string): string | undefined {
  const page = path.replace(/\/[^/]*\/?$/, '')
  const isForm = routesAt(path).some(({ owner, methods }) => methods.includes('POST') && owner !== 'feed')
  const hasPage = page !== '' && routesAt(page).some(({ methods }) => methods.includes('GET'))
  return isForm && hasPage ? page : undefined
}

function isTour(path: string): boolean {
  return routesAt(path).some(({ name }) => name.startsWith('tour' satisfies RouteName))
}
