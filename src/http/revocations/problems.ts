/** Refusals to those who read the revocations, in the form of RFC 9457. */

import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http'

import type { Fault } from '../../base/faults.ts'
import { answerTo } from '../../resource/challenge.ts'
import type { Refusal } from '../../resource/refusals.ts'
import { schemeOf } from '../../resource/request.ts'
import { type Doorkeeper, SCOPES } from './bearer.ts'

/** With the challenges of RFC 6750 section 3 and RFC 9449 section 7.1. */
export function sendRefusal(
  req: IncomingMessage,
  res: ServerResponse,
  refusal: Refusal,
  { realm, dpopAlgorithms }: { readonly realm: string } & Pick<Doorkeeper, 'dpopAlgorithms'>,
): void {
  const { status, headers, body } = answerTo(refusal, { realm, scopes: SCOPES, scheme: schemeOf(req), dpopAlgorithms })
  res.writeHead(status, headers).end(body)
}

export function sendFault(res: ServerResponse, fault: Fault): void {
  const { status, code, message } = fault
  const retryAfter = 'retryAfterSeconds' in fault ? { 'Retry-After': String(fault.retryAfterSeconds) } : {}
  res.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...retryAfter,
  })
  res.end(JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail: message, code }))
}
