/** Refusals to readers of the revocations, in the form of RFC 9457. */

import { STATUS_CODES, type ServerResponse } from 'node:http'

import type { Fault } from '../../base/faults.ts'
import { answerTo } from '../../resource/challenge.ts'
import type { Refusal } from '../../resource/refusals.ts'
import { SCOPES } from './bearer.ts'

/** With the challenge of RFC 6750 section 3. */
export function sendRefusal(res: ServerResponse, refusal: Refusal, realm: string): void {
  const { status, headers, body } = answerTo(refusal, { scopes: SCOPES, realm })
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
