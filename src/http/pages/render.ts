/**
 * From what a page shows to its HTML; nothing else happens here.
 *
 * The views are read and compiled once, when the renderer is made. A view sees one object, `page`, of strings, booleans
 * and lists of them, ready to show; `<%=` escapes each. `<%-` appears only in front of `include`, which is resolved
 * before compiling, so that no request touches a file.
 */

import { readFileSync } from 'node:fs'

import ejs from 'ejs'

import type { Assets } from './assets.ts'
import { safeName } from './shown-names.ts'

const VIEWS = new URL('../../../views/', import.meta.url)
const INCLUDE = /<%- include\('([a-z-]+)'\) %>\n/g

/** Every page carries the nonce that its Content-Security-Policy names. */
interface Page {
  readonly nonce: string
}

export interface LoginPage extends Page {
  readonly clientName: string
  readonly loginAction: string
  readonly loginToken: string
  readonly abortAction: string
  readonly abortToken: string
  /** What was typed, or what the application guessed. */
  readonly login: string
  /** Empty when nothing went wrong. */
  readonly problem: string
  readonly problemField: LoginField
  /** Empty unless there is a demo account to offer. */
  readonly demoLogin: string
  readonly demoPassword: string
}

/** What is to be mended: a field, or both together, or nothing that was typed. */
export type LoginField = 'none' | 'login' | 'password' | 'both'

export interface ConsentPage extends Page {
  readonly clientName: string
  readonly redirectHost: string
  readonly accountName: string
  readonly identitySentences: readonly string[]
  readonly apis: readonly { readonly name: string; readonly sentences: readonly string[] }[]
  readonly lasts: string
  readonly consentAction: string
  readonly consentToken: string
  readonly abortAction: string
  readonly abortToken: string
}

export interface ErrorPage extends Page {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly errorId: string
}

export interface LogoutPage extends Page {
  readonly formAction: string
  readonly xsrf: string
  readonly clientName?: string | undefined
}

export interface LoggedOutPage extends Page {
  readonly clientName?: string | undefined
}

export interface FormPostPage extends Page {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
}

export interface LandingPage extends Page {
  readonly issuer: string
  readonly development: boolean
  readonly tour: boolean
}

export interface TourPage extends Page {
  /** The error that came back instead of a code; empty when tokens came. */
  readonly refusal: string
  readonly steps: readonly string[]
  readonly tokens: readonly TourToken[]
}

export interface TourToken {
  readonly name: string
  readonly purpose: string
  readonly header: string
  readonly claims: string
}

export interface AppsPage extends Page {
  readonly accountName: string
  readonly apps: readonly AppView[]
  /** The name of the application whose access has just been ended; else empty. */
  readonly ended: string
  readonly action: string
  readonly token: string
}

export interface AppView {
  readonly clientId: string
  readonly name: string
  readonly sentences: readonly string[]
}

/** Each gives a whole HTML document, and may be handed on alone. */
export interface Renderer {
  readonly renderLoginPage: (page: LoginPage) => string
  readonly renderConsentPage: (page: ConsentPage) => string
  readonly renderErrorPage: (page: ErrorPage) => string
  readonly renderLogoutPage: (page: LogoutPage) => string
  readonly renderLoggedOutPage: (page: LoggedOutPage) => string
  /** Sends itself on by script (its policy needs `scripts: true`), or by its button. */
  readonly renderFormPostPage: (page: FormPostPage) => string
  readonly renderLandingPage: (page: LandingPage) => string
  readonly renderTourPage: (page: TourPage) => string
  readonly renderAppsPage: (page: AppsPage) => string
}

export function createRenderer(assets: Assets): Renderer {
  const frame = { stylesheet: assets.stylesheet, icon: assets.icon, wide: false }
  const prepare = (view: string) => {
    const template = compileView(view)
    return (title: string, page: object) => template({ ...frame, title, ...page })
  }
  const login = prepare('sign-in/login')
  const consent = prepare('sign-in/consent')
  const error = prepare('shared/error')
  const logout = prepare('sign-in/logout')
  const loggedOut = prepare('sign-in/logged-out')
  const formPost = prepare('sign-in/form-post')
  const landing = prepare('tour/landing')
  const tour = prepare('tour/tour')
  const apps = prepare('account/apps')

  return {
    renderLoginPage(page) {
      // A page with a problem says so in its title, which is what a screen reader reads first.
      const title = page.problem === '' ? 'Sign in' : 'Problem: Sign in'
      return login(title, { ...page, ...fieldStates(page), clientName: safeName(page.clientName) })
    },
    renderConsentPage(page) {
      const apis = page.apis.map((api, index) => ({ ...api, name: safeName(api.name), headingId: `api-${index}` }))
      const names = { clientName: safeName(page.clientName), accountName: safeName(page.accountName) }
      return consent('Allow access?', { ...page, ...names, apis })
    },
    renderErrorPage(page) {
      const heading = headingOf(page.status)
      return error(heading, { ...page, heading })
    },
    renderLogoutPage(page) {
      return logout('Sign out?', { ...page, clientName: page.clientName && safeName(page.clientName) })
    },
    renderLoggedOutPage(page) {
      return loggedOut('Signed out', { ...page, clientName: page.clientName && safeName(page.clientName) })
    },
    renderFormPostPage(page) {
      const fields = Object.entries(page.fields).map(([name, value]) => ({ name, value }))
      return formPost('One moment', { ...page, fields })
    },
    renderLandingPage: (page) => landing('Grantor', page),
    renderTourPage(page) {
      const tokens = page.tokens.map((token, index) => ({ ...token, headingId: `token-${index}` }))
      return tour('Tour', { ...page, tokens, wide: page.refusal === '' })
    },
    renderAppsPage(page) {
      const named = page.apps.map((app, index) => {
        return { ...app, name: safeName(app.name), headingId: `app-${index}`, buttonId: `end-${index}` }
      })
      const names = { accountName: safeName(page.accountName), ended: page.ended && safeName(page.ended) }
      return apps('Connected apps', { ...page, ...names, apps: named })
    },
  }
}

function compileView(view: string): (page: object) => string {
  const source = readView(view).replace(INCLUDE, (_, partial: string) => readView(`shared/${partial}`))
  return ejs.compile(source, { filename: view, strict: true, _with: false, localsName: 'page', client: false })
}

function readView(name: string): string {
  return readFileSync(new URL(`${name}.ejs`, VIEWS), 'utf8')
}

/** Which fields are wrong, and where the focus goes: to the problem, else to the first field that is still empty. */
function fieldStates({ problem, problemField, login }: LoginPage): Record<string, boolean | string> {
  return {
    loginInvalid: problemField === 'login' || problemField === 'both',
    passwordInvalid: problemField === 'password' || problemField === 'both',
    problemLink: problemField === 'login' || problemField === 'password' ? `#${problemField}` : '',
    focusLogin: problem === '' && login === '',
    focusPassword: problem === '' && login !== '',
  }
}

const HEADINGS: Readonly<Record<number, string>> = {
  400: 'This cannot continue',
  401: 'You are not signed in',
  403: 'This was refused',
  404: 'Nothing is here',
  405: 'That cannot be done here',
  413: 'That was too much',
  415: 'That was not understood',
  429: 'Too many attempts',
  503: 'Please try again in a moment',
}

function headingOf(status: number): string {
  return HEADINGS[status] ?? (status < 500 ? 'This cannot continue' : 'Something went wrong')
}
