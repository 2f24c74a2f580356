/** The pages that the engine's own routes answer with: errors, logout, and forms that send themselves on. */

import type { Context } from 'koa'

import type { Log } from '../../audit/log.ts'
import { type EnginePages, LOGOUT_CONFIRMATION } from '../../engine/port.ts'
import { newErrorId } from '../pages/errors.ts'
import type { Renderer } from '../pages/render.ts'
import { showPage } from '../pages/reply.ts'

export function createEnginePages({ renderer, log }: { renderer: Renderer; log: Log }): EnginePages {
  return {
    error(engineCtx, { error, description, cause }) {
      const ctx = engineCtx as unknown as Context
      const errorId = newErrorId()
      const detail = (cause as { error_detail?: string }).error_detail
      log.event('authorization_refused', { errorId, error, description, detail, route: ctx.oidc?.route })
      if (ctx.accepts('html', 'json') === 'json') {
        ctx.body = {
          error,
          ...(description === undefined ? {} : { error_description: description }),
          error_id: errorId,
        }
        return
      }
      const message = description ?? 'The request cannot be answered.'
      showPage(ctx, ctx.status, (nonce) =>
        renderer.renderErrorPage({ status: ctx.status, code: error, message, errorId, nonce }),
      )
    },

    logout(engineCtx, { action, xsrf, clientName, targets }) {
      const ctx = engineCtx as unknown as Context
      showPage(ctx, 200, (nonce) => renderer.renderLogoutPage({ formAction: action, xsrf, clientName, nonce }), {
        formAction: targets,
        guardedForms: true,
      })
    },

    loggedOut(engineCtx, { clientName }) {
      const ctx = engineCtx as unknown as Context
      showPage(ctx, 200, (nonce) => renderer.renderLoggedOutPage({ clientName, nonce }))
    },

    formPost(engineCtx, { action, fields, targets }) {
      const ctx = engineCtx as unknown as Context
      const status = 'error' in fields ? 400 : 200
      showPage(ctx, status, (nonce) => renderer.renderFormPostPage({ action, fields, nonce }), {
        formAction: targets,
        scripts: true,
        guardedForms: action === LOGOUT_CONFIRMATION,
      })
    },
  }
}
