/** The pages that the engine's own routes answer with: errors, logout, and forms that send themselves on. */

import type { Context } from 'koa'

import { type EnginePages, LOGOUT_CONFIRMATION } from '../../engine/port.ts'
import type { Fault } from '../../faults/fault.ts'
import { faultText } from '../../i18n/fault-text.ts'
import { errorPage } from '../pages/error.ts'
import type { Views } from '../pages/views.ts'
import { formPostPage } from './form-post.ts'
import { loggedOutPage } from './logged-out.ts'
import { logoutPage } from './logout.ts'

export function createEnginePages(views: Views): EnginePages {
  const showError = errorPage(views)
  const showLogout = logoutPage(views)
  const showLoggedOut = loggedOutPage(views)
  const showFormPost = formPostPage(views)

  return {
    error(engineCtx, { error, description, errorId, cause }) {
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
        ...{ status, code: error, errorId },
        messageIn(language) {
          if (fault !== undefined) return faultText(fault, language)
          return description ?? language.pages.error.unanswerable
        },
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
