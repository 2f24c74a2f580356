/** The login page. */

import type { Context } from 'koa'

import type { Logins } from '../../accounts/logins.ts'
import { LoginFailed, LoginsBusy, TooManyAttempts } from '../../faults/sign-in.ts'
import type { Interaction, Interactions } from '../../engine/port.ts'
import type { Form } from '../forms/form.ts'
import type { FormGuard } from '../forms/form-guard.ts'
import { deviceCookie } from './device-cookie.ts'
import type { Fault } from '../../faults/fault.ts'
import { faultText } from '../../i18n/fault-text.ts'
import { around, fill } from '../../i18n/fill.ts'
import type { Language } from '../../i18n/language.ts'
import { createPage, type PageModel } from '../pages/page.ts'
import { sendOn } from '../pages/send-on.ts'
import { safeName } from '../pages/shown-names.ts'
import type { Views } from '../pages/views.ts'

export interface LoginParts {
  readonly issuer: string
  readonly interactions: Pick<Interactions, 'finishLogin'>
  readonly logins: Pick<Logins, 'checkLogin' | 'rememberDevice'>
  readonly guard: FormGuard
  readonly views: Views
  /** Shown on the page; development only. */
  readonly demo: DemoLogin | undefined
}

export interface DemoLogin {
  readonly login: string
  readonly password: string
}

export interface LoginPages {
  show(ctx: Context, interaction: Interaction): void
  /** Signs in, or shows the page again with what was typed as login; a password is never shown again. */
  submit(ctx: Context, interaction: Interaction, form: Form): Promise<void>
}

export function loginPages({ issuer, interactions, logins, guard, views, demo }: LoginParts): LoginPages {
  const showPage = createPage(views, 'sign-in/login', modelOf)
  const device = deviceCookie(issuer)

  function showForm(ctx: Context, interaction: Interaction, login: string, problem?: LoginProblem): void {
    const { uid, client, redirectUri } = interaction
    const tokens = { loginToken: guard.tokenFor('login', uid), abortToken: guard.tokenFor('abort', uid) }
    const facts = { uid, clientName: client.clientName, ...tokens, login, problem, demo }
    showPage(ctx, problem?.status ?? 200, facts, { formAction: [redirectUri], scripts: true, guardedForms: true })
  }

  return {
    show: (ctx, interaction) => showForm(ctx, interaction, interaction.loginHint ?? ''),

    async submit(ctx, interaction, form) {
      const login = form.get('login') ?? ''
      const password = form.get('password') ?? ''
      const missing = missingField(login, password)
      if (missing !== undefined) return showForm(ctx, interaction, login, missing)

      try {
        const known = device.read(ctx)
        const account = await logins.checkLogin({ login, password, address: ctx.ip, deviceCookie: known })
        const address = await interactions.finishLogin(ctx.req, ctx.res, account.id, interaction.foundAt)
        device.write(ctx, logins.rememberDevice(known, account, interaction.foundAt))
        sendOn(ctx, address)
      } catch (error) {
        const problem = problemOf(error)
        if (problem === undefined) throw error
        if (problem.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(problem.retryAfterSeconds))
        showForm(ctx, interaction, login, problem)
      }
    },
  }
}

/** What to correct: one field, both together, or neither. */
type ProblemField = 'none' | 'login' | 'password' | 'both'

interface LoginProblem {
  readonly status: number
  readonly textIn: (language: Language) => string
  readonly field: ProblemField
  readonly retryAfterSeconds?: number
}

function missingField(login: string, password: string): LoginProblem | undefined {
  if (login.trim() === '') return { status: 400, textIn: ({ pages }) => pages.login.loginMissing, field: 'login' }
  if (password === '') return { status: 400, textIn: ({ pages }) => pages.login.passwordMissing, field: 'password' }
  return undefined
}

/** The text on the page for a refused login; `undefined` for errors that have their own page. */
function problemOf(error: unknown): LoginProblem | undefined {
  if (error instanceof LoginFailed) return refused(error, 'both')
  if (error instanceof TooManyAttempts || error instanceof LoginsBusy) {
    return { ...refused(error, 'none'), retryAfterSeconds: error.retryAfterSeconds }
  }
  return undefined
}

function refused(fault: Fault, field: ProblemField): LoginProblem {
  return { status: fault.status, textIn: (language) => faultText(fault, language), field }
}

interface LoginFacts {
  readonly uid: string
  readonly clientName: string
  readonly loginToken: string
  readonly abortToken: string
  /** What was typed, or what the application guessed. */
  readonly login: string
  readonly problem: LoginProblem | undefined
  readonly demo: DemoLogin | undefined
}

function modelOf(facts: LoginFacts, language: Language): PageModel {
  const { uid, clientName, loginToken, abortToken, login, problem, demo } = facts
  const texts = language.pages.login
  return {
    // A page with a problem says so in its title, which is what a screen reader reads first.
    title: problem === undefined ? texts.title : texts.problemTitle,
    texts,
    lead: around(texts.lead, 'client'),
    clientName: safeName(clientName, language),
    ...{ loginAction: `/interaction/${uid}/login`, loginToken, abortAction: `/interaction/${uid}/abort`, abortToken },
    ...{ login, problem: problem?.textIn(language) ?? '', ...fieldStates(login, problem?.field) },
    demo: demo === undefined ? '' : fill(texts.demo, { ...demo }, language),
  }
}

/** Which fields are wrong, and where the focus goes: to the problem, else to the first field that is still empty. */
function fieldStates(login: string, field: ProblemField | undefined): Record<string, boolean | string> {
  return {
    loginInvalid: field === 'login' || field === 'both',
    passwordInvalid: field === 'password' || field === 'both',
    problemLink: field === 'login' || field === 'password' ? `#${field}` : '',
    focusLogin: field === undefined && login === '',
    focusPassword: field === undefined && login !== '',
  }
}
