/** A browser with a session, which obtains codes for applications. Each sign-in goes to one node, the next to another. */

import {
  authorizationUrl,
  createUserAgent,
  newPkce,
  type Pkce,
  signInAt,
  type UserAgent,
} from '../../test/support/user-agent.ts'
import { timed } from './calls.ts'
import { AUDIENCE, REDIRECT_URI, SCOPE } from './fleet.ts'
import type { Issued } from './history.ts'
import type { LoadContext } from './load.ts'

export interface Session {
  readonly name: string
  readonly agent: UserAgent
  /** The node that its requests go to. */
  node: number
}

export interface Code {
  readonly code: string
  readonly pkce: Pkce
  readonly issued: Issued
}

const SIGN_IN_MS = 20_000

/** A browser that is not signed in yet; its first code asks for the password. */
export function newSession(context: LoadContext): Session {
  const agent = createUserAgent(context.fleet, { node: () => session.node })
  const session = { name: context.state.name('session'), agent, node: context.node() }
  return session
}

/** A code for this application; `undefined` when a request on the way to it failed. */
export async function obtainCode(context: LoadContext, session: Session, clientId: string): Promise<Code | undefined> {
  const pkce = newPkce()
  let code: string | null = null
  session.node = context.node()
  const answer = await timed(session.node, async () => {
    const arrived = signInAt(session.agent, requestOf(clientId, pkce))
    code = (await within(SIGN_IN_MS, arrived)).searchParams.get('code')
    return { status: code === null ? 400 : 200, body: {} }
  })
  context.record({ kind: 'request', what: `a sign-in (${String(answer.body.error ?? '')})`, ...timesOf(answer) })
  const { node, startMs, endMs } = answer
  return code === null ? undefined : { code, pkce, issued: { node, startMs, endMs } }
}

export function requestOf(clientId: string, pkce: Pkce): string {
  const params = { resource: AUDIENCE }
  return authorizationUrl(pkce, { clientId, redirectUri: REDIRECT_URI, scope: `openid ${SCOPE}`, params })
}

export function redemption(clientId: string, { code, pkce }: Code): Record<string, string> {
  return {
    ...{ grant_type: 'authorization_code', client_id: clientId, redirect_uri: REDIRECT_URI },
    ...{ code, code_verifier: pkce.verifier },
  }
}

/** Ends the session through the page that asks. */
export async function logOut(context: LoadContext, session: Session): Promise<void> {
  session.node = context.anyNode()
  const answer = await timed(session.node, async () => {
    const { page } = await within(SIGN_IN_MS, session.agent.follow(await session.agent.get('/logout')))
    if (page?.status !== 200) throw new Error(`the logout page answers ${page?.status}`)
    const sent = await within(SIGN_IN_MS, session.agent.submit(page, '/logout/confirm', { logout: 'yes' }))
    return { status: sent.status, body: {} }
  })
  context.record({ kind: 'ending', way: 'logout', subject: session.name, ...timesOf(answer) })
}

interface Times {
  readonly outcome: 'success' | 'refused' | 'error'
  readonly startMs: number
  readonly endMs: number
  readonly node: number
}

export function timesOf({ outcome, startMs, endMs, node }: Times): Times {
  return { outcome, startMs, endMs, node }
}

export function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  work.catch(() => undefined) // When it fails late, no caller waits for it.
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
