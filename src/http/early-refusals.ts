/** Refusals to OAuth clients before the engine sees their requests, in the form of RFC 6749 section 5.2. */

import type { ServerResponse } from 'node:http'

import { type Fault, retryAfterOf } from '../faults/fault.ts'
import { faultText } from '../i18n/fault-text.ts'

export function refuseClient(res: ServerResponse, fault: Fault): void {
  const { status } = fault
  const retryAfter = retryAfterOf(fault)
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
  })
  const error = status === 503 || status === 429 ? 'temporarily_unavailable' : 'invalid_request'
  res.end(JSON.stringify({ error, error_description: faultText(fault) }))
}
