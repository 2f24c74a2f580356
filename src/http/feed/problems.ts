/** Refusals to readers of revocations, in the form of RFC 9457. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Log } from '../../audit/log.ts'
import { Fault, retryAfterOf } from '../../faults/fault.ts'
import { english } from '../../i18n/en/english.ts'
import { faultText } from '../../i18n/fault-text.ts'
import { answerTo } from '../../resource/middleware/challenge.ts'
import { type Problem, PROBLEM_TYPE, problemBody } from '../../resource/middleware/problem.ts'
import { Refusal } from '../../resource/refusals.ts'
import { schemeOf } from '../../resource/request.ts'
import { type FeedAuthenticator, SCOPES } from './authenticator.ts'

export interface Problems {
  answer(req: IncomingMessage, res: ServerResponse, error: unknown): void
}

export interface ProblemsParts {
  readonly issuer: string
  readonly authenticator: Pick<FeedAuthenticator, 'dpopAlgorithms'>
  readonly log: Log
}

export function createProblems({ issuer, authenticator, log }: ProblemsParts): Problems {
  return {
    answer(req, res, error) {
      // The caller has gone, or the response had begun.
      if (res.headersSent || res.destroyed) res.destroy()
      else if (error instanceof Refusal) sendRefusal(req, res, error)
      else if (error instanceof Fault) sendProblem(req, res, error)
      else {
        log.event('request_failed', { err: error })
        send(req, res, { status: 500, code: 'server_error', message: english.faults.server_error })
      }
    },
  }

  /** With the challenges of RFC 6750 section 3 and RFC 9449 section 7.1. */
  function sendRefusal(req: IncomingMessage, res: ServerResponse, refusal: Refusal): void {
    const { dpopAlgorithms } = authenticator
    const options = { realm: issuer, scopes: SCOPES, scheme: schemeOf(req), dpopAlgorithms }
    const { status, headers, body } = answerTo(refusal, options)
    res.writeHead(status, { ...headers, ...lastIfUnread(req) }).end(body)
  }
}

/** The form of RFC 9457. */
export function sendProblem(req: IncomingMessage, res: ServerResponse, fault: Fault): void {
  const { status, code } = fault
  send(req, res, { status, code, message: faultText(fault) }, retryAfterOf(fault))
}

function send(req: IncomingMessage, res: ServerResponse, problem: Problem, retryAfter?: number): void {
  res.writeHead(problem.status, {
    'Content-Type': PROBLEM_TYPE,
    'Cache-Control': 'no-store',
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
    ...lastIfUnread(req),
  })
  res.end(problemBody(problem))
}

/** The rest of the body is not read, so the connection cannot carry another request. */
function lastIfUnread(req: IncomingMessage): Record<string, string> {
  return req.complete ? {} : { Connection: 'close' }
}
