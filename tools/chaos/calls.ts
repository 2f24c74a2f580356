/** Requests to a node, with the times and the outcome that the history needs. */

import type { Outcome } from './history.ts'

export interface Answer {
  readonly outcome: Outcome
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly startMs: number
  readonly endMs: number
  readonly node: number
}

export interface Credentials {
  readonly id: string
  readonly secret: string
}

/** Longer than the server may take, also on a busy machine. */
const ANSWER_MS = 10_000

/** A POST to an endpoint of this node. Never rejects: a request without a usable answer has the outcome `error`. */
export async function post(
  urls: readonly string[],
  node: number,
  path: string,
  params: Readonly<Record<string, string>>,
  client?: Credentials,
): Promise<Answer> {
  const authorization = client && `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
  return timed(node, async () => {
    const response = await fetch(`${urls[node]}${path}`, {
      ...{ method: 'POST', body: new URLSearchParams(params), signal: AbortSignal.timeout(ANSWER_MS) },
      headers: { ...(authorization && { authorization }) },
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return { status: response.status, body: isJson ? (JSON.parse(text) as Answer['body']) : {} }
  })
}

/** Adds times and outcome to what was answered; a rejection is an answer with status 0. */
export async function timed(
  node: number,
  work: () => Promise<{ readonly status: number; readonly body: Answer['body'] }>,
): Promise<Answer> {
  const startMs = performance.now()
  const { status, body } = await work().catch((error: unknown) => ({
    status: 0,
    body: { error: firstLine(error) },
  }))
  return { outcome: outcomeOf(status), status, body, startMs, endMs: performance.now(), node }
}

function firstLine(error: unknown): string {
  return String(error).split('\n')[0] ?? ''
}

function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 400) return 'success'
  // 429 too: a client whose assertions come again and again has to wait.
  return status >= 400 && status < 500 ? 'refused' : 'error'
}

export function textOf(answer: Answer, name: string): string | undefined {
  const value = answer.body[name]
  return typeof value === 'string' ? value : undefined
}
