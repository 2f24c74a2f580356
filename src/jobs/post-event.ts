/** One push of a Security Event Token (RFC 8935 section 2), and what its answer means. */

import type { ReceiverSettings } from '../config/config.ts'

export interface Pushed {
  /** `refused`: it would be refused again, so it is not sent again (RFC 8935 section 2). */
  readonly outcome: 'taken' | 'refused' | 'retry'
  /** For the log. */
  readonly reason: string
}

const TIMEOUT_MS = 2500
const LONGEST_ANSWER = 4096
/** Responses that may change later: an expired credential, or a key that the receiver has not fetched yet. */
const PASSING = ['authentication_failed', 'access_denied', 'invalid_key']

export async function postSet({ endpoint, token }: ReceiverSettings, set: string): Promise<Pushed> {
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/secevent+jwt',
        Accept: 'application/json',
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      body: set,
      // An event and its token go where the operator said and nowhere else.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    return await judge(response)
  } catch (error) {
    return { outcome: 'retry', reason: reasonOf(error) }
  }
}

async function judge(response: Response): Promise<Pushed> {
  const { status } = response
  if (status >= 200 && status < 300) {
    await response.body?.cancel()
    return { outcome: 'taken', reason: String(status) }
  }
  if (status !== 400) {
    await response.body?.cancel()
    return { outcome: 'retry', reason: String(status) }
  }
  const err = codeOf(await beginning(response))
  // A 400 without a code is no answer of a receiver of events, but of something in its way.
  return {
    outcome: err === undefined || PASSING.includes(err) ? 'retry' : 'refused',
    reason: `400 ${err ?? ''}`.trim(),
  }
}

/** As much of a body as an error of RFC 8935 section 2.3 can have. */
async function beginning(response: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > LONGEST_ANSWER) break
  }
  return text
}

function codeOf(body: string): string | undefined {
  try {
    const { err } = JSON.parse(body) as { err?: unknown }
    return typeof err === 'string' && /^[a-z_]{1,40}$/.test(err) ? err : undefined
  } catch {
    return undefined
  }
}

/** `fetch` hides what happened behind "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: unknown; message?: unknown }; message?: unknown }
  return String(cause?.code ?? cause?.message ?? message)
}
