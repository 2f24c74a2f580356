/** The login page. */

import type { Context } from 'koa'

import type { Logins } from '../../accounts/logins.ts'
import { LoginFailed, LoginsBusy, TooManyAttempts } from '../../faults/sign-in.ts'
import type { Interaction, Interactions } from '../../engine/port.ts'
import type { Form } from '../forms/form.ts'
import type { FormGuard } from '../forms/form-guard.ts'
import { deviceCookie } from './device-cookie.ts'
import { faultText } from '../../i18n/fault-text.ts'
import type { LoginField, Renderer } from '../pages/render.ts'
import { sendOn, showPage } from '../pages/reply.ts'

export interface LoginParts {
  readonly issuer: string
  readonly interactions: Pick<Interactions, 'finishLogin'>
  readonly logins: Pick<Logins, 'checkLogin' | 'rememberDevice'>
  readonly guard: FormGuard
  readonly renderer: Renderer
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

export function loginPages({ issuer, interactions, logins, guard, renderer, demo }: LoginParts): LoginPages {
  const device = deviceCookie(issuer)

  function showForm(ctx: Context, interaction: Interaction, login: string, problem?: LoginProblem): void {
    const { uid, client, redirectUri } = interaction
    const page = {
      clientName: client.clientName,
      loginAction: `/interaction/${uid}/login`,
      loginToken: guard.tokenFor('login', uid),
      abortAction: `/interaction/${uid}/abort`,
      abortToken: guard.tokenFor('abort', uid),
      login,
      problem: problem?.text ?? '',
      problemField: problem?.field ?? 'none',
      demoLogin: demo?.login ?? '',
      demoPassword: demo?.password ?? '',
    } as const
    showPage(ctx, problem?.status ?? 200, (nonce) => renderer.renderLoginPage({ ...page, nonce }), {
      formAction: [redirectUri],
      scripts: true,
      guardedForms: true,
    })
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

interface LoginProblem {
  readonly status: number
  readonly text: string
  readonly field: LoginField
  readonly retryAfterSeconds?: number
}

function missingField(login: string, password: string): LoginProblem | undefined {
  if (login.trim() === '') return { status: 400, text: 'Enter your e-mail address or username.', field: 'login' }
  if (password === '') return { status: 400, text: 'Enter your password.', field: 'password' }
  return undefined
}

/** The text on the page for a refused login; `undefined` for errors that have their own page. */
function problemOf(error: unknown): LoginProblem | undefined {
  if (error instanceof LoginFailed) return { status: error.status, text: faultText(error), field: 'both' }
  if (error instanceof TooManyAttempts || error instanceof LoginsBusy) {
    const { status, retryAfterSeconds } = error
    return { status, text: faultText(error), field: 'none', retryAfterSeconds }
  }
  return undefined
}
