/**
 * The only code that turns an error into a response.
 *
 * A Fault has a status, a code and a message that is safe to show. Any other error becomes a 500 without details. The
 * caller also gets a short id, and the log has the details under the same id.
 */

import { randomBytes } from 'node:crypto'

import type { Context, Middleware } from 'koa'

import type { Log } from '../../audit/log.ts'
import { Fault, retryAfterOf } from '../../faults/fault.ts'
import { MethodNotAllowed, NotFound } from '../../faults/requests.ts'
import { english } from '../../i18n/en/english.ts'
import { faultText } from '../../i18n/fault-text.ts'
import { PROBLEM_TYPE, problemBody } from '../../resource/middleware/problem.ts'
import { showPage } from './reply.ts'
import type { ErrorPage } from './render.ts'

const ERROR_ID_BYTES = 5

export interface ErrorsOptions {
  readonly log: Log
  readonly renderErrorPage: (page: ErrorPage) => string
}

export function answerErrors({ log, renderErrorPage }: ErrorsOptions): Middleware {
  return async function errors(ctx, next) {
    try {
      await next()
      refuseUnanswered(ctx)
    } catch (error) {
      const answer = { ...answerTo(error), errorId: newErrorId() }
      logError(log, error, answer)
      setErrorHeaders(ctx, error)
      if (ctx.accepts('html', 'json') === 'json') sendProblem(ctx, answer)
      else showPage(ctx, answer.status, (nonce) => renderErrorPage({ ...answer, nonce }))
    }
  }
}

/** Ten characters that a person can read over the telephone. */
export function newErrorId(): string {
  return randomBytes(ERROR_ID_BYTES).toString('hex')
}

type Answer = Omit<ErrorPage, 'nonce'>

/** Nothing answered, or the router answered with a bare status. */
function refuseUnanswered(ctx: Context): void {
  if (ctx.body !== undefined && ctx.body !== null) return
  if (ctx.status === 404) throw new NotFound()
  if (ctx.status === 405 || ctx.status === 501) throw new MethodNotAllowed()
}

function answerTo(error: unknown): Omit<Answer, 'errorId'> {
  if (error instanceof Fault) return { status: error.status, code: error.code, message: faultText(error) }
  return { status: 500, code: 'server_error', message: english.faults.server_error }
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
function sendProblem(ctx: Context, answer: Answer): void {
  ctx.status = answer.status
  ctx.set('Cache-Control', 'no-store')
  ctx.body = problemBody(answer, { error_id: answer.errorId })
  ctx.type = PROBLEM_TYPE
}
