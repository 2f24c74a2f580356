/** Problem details (RFC 9457): the body of every refusal that is for programs. */

import { STATUS_CODES } from 'node:http'

export const PROBLEM_TYPE = 'application/problem+json'

export interface Problem {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** The JSON text; `also` are members of the surface's own. With `about:blank` the title is the status phrase (section 4.2.1). */
export function problemBody({ status, code, message }: Problem, also: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail: message, code, ...also })
}
