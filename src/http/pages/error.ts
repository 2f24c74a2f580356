/**
 * The error page, and the only code that turns an error into a response.
 *
 * A Fault has a status, a code and a sentence that is safe to show. Any other error becomes a 500 without details. The
 * caller also gets a short id, and the log has the details under the same id.
 */

import type { Context, Middleware } from 'koa'

import type { Log } from '../../audit/log.ts'
import { newErrorId } from '../../base/ids.ts'
import { Fault, retryAfterOf } from '../../faults/fault.ts'
import type { Interactions } from '../../engine/port.ts'
import { MethodNotAllowed, NotFound } from '../../faults/requests.ts'
import { InteractionGone } from '../../faults/sign-in.ts'
import { english } from '../../i18n/en/english.ts'
import { faultText } from '../../i18n/fault-text.ts'
import { PROBLEM_TYPE, problemBody } from '../../resource/middleware/problem.ts'
import type { Language } from '../../i18n/language.ts'
import { createPage, type PageModel, type ShowPage } from './page.ts'
import type { Views } from './views.ts'
import { type WayOut, waysModel, waysOut } from './ways-out.ts'

/** What went wrong; the sentence is told in the language of the page. */
export interface ErrorFacts {
  readonly status: number
  readonly code: string
  readonly errorId: string
  readonly messageIn: (language: Language) => string
  readonly ways: readonly WayOut[]
}

export function errorPage(views: Views): ShowPage<ErrorFacts> {
  return createPage(views, 'pages/error', modelOf)
}

function modelOf({ status, code, errorId, messageIn, ways }: ErrorFacts, language: Language): PageModel {
  const texts = language.pages.error
  const heading = headingOf(status, texts)
  return {
    title: heading,
    heading,
    texts,
    code,
    errorId,
    message: messageIn(language),
    ways: waysModel(ways, language),
  }
}

function headingOf(status: number, texts: Language['pages']['error']): string {
  const name = `status${status}`
  if (Object.hasOwn(texts, name)) return texts[name as keyof typeof texts]
  return status < 500 ? texts.otherOfCaller : texts.otherOfServer
}

export interface ErrorsOptions {
  readonly log: Log
  readonly showError: ShowPage<ErrorFacts>
  readonly interactions: Pick<Interactions, 'waysOut'>
}

export function answerErrors({ log, showError, interactions }: ErrorsOptions): Middleware {
  async function waysFrom(ctx: Context, error: unknown, status: number): Promise<readonly WayOut[]> {
    const isGone = error instanceof InteractionGone
    const known = isGone ? await interactions.waysOut(ctx.req, ctx.res) : undefined
    return waysOut(ctx, { status, isGone, known })
  }

  return async function errors(ctx, next) {
    try {
      await next()
      refuseUnanswered(ctx)
    } catch (error) {
      const answer = { ...answerTo(error), errorId: newErrorId() }
      logError(log, error, answer)
      setErrorHeaders(ctx, error)
      if (ctx.accepts('html', 'json') === 'json') sendProblem(ctx, answer)
      else showError(ctx, answer.status, { ...answer, ways: await waysFrom(ctx, error, answer.status) })
    }
  }
}

/** Nothing answered, or the router answered with a bare status. */
function refuseUnanswered(ctx: Context): void {
  if (ctx.body !== undefined && ctx.body !== null) return
  if (ctx.status === 404) throw new NotFound()
  if (ctx.status === 405 || ctx.status === 501) throw new MethodNotAllowed()
}

type Answer = Omit<ErrorFacts, 'ways'>

function answerTo(error: unknown): Omit<Answer, 'errorId'> {
  if (error instanceof Fault) {
    const { status, code } = error
    return { status, code, messageIn: (language) => faultText(error, language) }
  }
  return { status: 500, code: 'server_error', messageIn: ({ faults }) => faults.server_error }
}

function logError(log: Log, error: unknown, { errorId, code, status }: Answer): void {
  if (!(error instanceof Fault)) {
    log.event('request_failed', { err: error, errorId })
    return
  }
  const event = status >= 500 ? 'request_not_served' : 'request_refused'
  log.event(event, { errorId, fault: code, detail: error.detail, cause: messageOf(error.cause) })
}

function messageOf(cause: unknown): string | undefined {
  return cause instanceof Error ? cause.message : undefined
}

function setErrorHeaders(ctx: Context, error: unknown): void {
  const retryAfter = error instanceof Fault ? retryAfterOf(error) : undefined
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter))
  // What is left of a refused body is not read, so the connection cannot carry another request.
  if (!ctx.req.complete) ctx.set('Connection', 'close')
}

/** The same for programs (RFC 9457). */
function sendProblem(ctx: Context, { status, code, errorId, messageIn }: Answer): void {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  ctx.body = problemBody({ status, code, message: messageIn(english) }, { error_id: errorId })
  ctx.type = PROBLEM_TYPE
}
