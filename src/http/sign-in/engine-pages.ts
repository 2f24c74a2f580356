/** The pages that the engine's own routes answer with: errors, logout, and forms that send themselves on. */

import type { Context } from 'koa'

import { ENGINE_PATHS, type EnginePages, LOGOUT_CONFIRMATION } from '../../engine/port.ts'
import type { Fault } from '../../faults/fault.ts'
import { faultText } from '../../i18n/fault-text.ts'
import type { Language } from '../../i18n/language.ts'
import { errorPage } from '../pages/error.ts'
import type { Views } from '../pages/views.ts'
import { waysOut } from '../pages/ways-out.ts'
import { formPostPage } from './form-post.ts'
import { loggedOutPage } from './logged-out.ts'
import { logoutPage } from './logout.ts'

export function createEnginePages(views: Views): EnginePages {
  const showError = errorPage(views)
  const showLogout = logoutPage(views)
  const showLoggedOut = loggedOutPage(views)
  const showFormPost = formPostPage(views)

  return {
    error(engineCtx, { error, description, errorId, cause, ways }) {
      const ctx = engineCtx as unknown as Context
      const { fault } = cause as { fault?: Fault }
      if (ctx.accepts('html', 'json') === 'json') {
        ctx.body = {
          error,
          ...(description === undefined ? {} : { error_description: description }),
          error_id: errorId,
        }
        return
      }
      const { status } = ctx
      showError(ctx, status, {
        ...{ status, code: error, errorId, ways: waysOut(ctx, { status, known: ways }) },
        messageIn: (language) => (fault === undefined ? sentenceFor(error, ctx, language) : faultText(fault, language)),
      })
    },

    logout(engineCtx, { action, xsrf, clientName, targets }) {
      const ctx = engineCtx as unknown as Context
      showLogout(ctx, 200, { action, xsrf, clientName }, { formAction: targets, guardedForms: true })
    },

    loggedOut(engineCtx, { clientName }) {
      showLoggedOut(engineCtx as unknown as Context, 200, { clientName })
    },

    formPost(engineCtx, { action, fields, targets }) {
      const ctx = engineCtx as unknown as Context
      const status = 'error' in fields ? 400 : 200
      const guardedForms = action === LOGOUT_CONFIRMATION
      showFormPost(ctx, status, { action, fields }, { formAction: targets, scripts: true, guardedForms })
    },
  }
}

/** Ours, whatever the engine says: its description is for the application's developer, and stands in the log. */
function sentenceFor(error: string, { path, oidc, status }: Context, { faults, pages }: Language): string {
  const { refused } = pages
  if (status >= 500) return faults.server_error
  if (oidc?.route === 'resume' && oidc.client === undefined) return faults.interaction_gone
  if (error === 'invalid_client') return refused.client
  if (error === 'invalid_redirect_uri') return refused.redirectUri
  if (path.startsWith(ENGINE_PATHS.authorization)) return refused.authorization
  return path.startsWith(ENGINE_PATHS.end_session) ? refused.logout : refused.other
}
