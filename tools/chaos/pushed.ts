/** Pushed authorization requests (RFC 9126), each opened twice on purpose: one code may come of it. */

import { createUserAgent, newPkce } from '../../test/support/user-agent.ts'
import { newSession, obtainCode, requestOf, type Session, timesOf, within } from './browsers.ts'
import { post, textOf, timed } from './calls.ts'
import { PUSHING } from './fleet.ts'
import type { LoadContext } from './load.ts'

const LONGEST_REPLAY_MS = 20_000
const OPEN_MS = 10_000
const REQUESTS_PER_SESSION = 40

export function pushRequests(): (context: LoadContext) => Promise<void> {
  let session: Session | undefined
  let requests = 0

  return async function push(context) {
    if (session === undefined || requests++ % REQUESTS_PER_SESSION === 0) {
      session = newSession(context)
      if ((await obtainCode(context, session, PUSHING)) === undefined) {
        session = undefined
        return
      }
    }
    const { agent } = session
    const request = new URL(requestOf(PUSHING, newPkce()), context.fleet.issuer)
    const pushed = await post(context.fleet.urls, context.node(), '/par', Object.fromEntries(request.searchParams))
    context.record({ kind: 'request', what: 'a pushed request', ...timesOf(pushed) })
    const uri = textOf(pushed, 'request_uri')
    if (uri === undefined) return
    const artefact = context.state.name('pushed')
    const present = (node: number) => open(context, agent.cookies, { artefact, uri, node })
    const [first, second] = context.twoNodes()
    if (context.chance.happens(0.5)) await Promise.all([present(first), present(second)])
    else await present(first)
    const dueMs = performance.now() + context.chance.between(0, LONGEST_REPLAY_MS)
    context.state.replays.push({ dueMs, present: () => present(context.anyNode()) })
  }
}

interface Opening {
  readonly artefact: string
  readonly uri: string
  readonly node: number
}

/** In another tab of the same browser, which is signed in: a code is given at once, or not at all. */
async function open(context: LoadContext, cookies: ReadonlyMap<string, string>, { artefact, uri, node }: Opening) {
  const tab = createUserAgent(context.fleet, { node: () => node })
  for (const [name, value] of cookies) tab.cookies.set(name, value)
  const address = `/authorize?${new URLSearchParams({ client_id: PUSHING, request_uri: uri }).toString()}`
  const answer = await timed(node, async () => {
    const response = await within(OPEN_MS, tab.get(address))
    const hasCode = response.headers.get('location')?.includes('code=') === true
    if (response.status >= 500) return { status: response.status, body: {} }
    return { status: hasCode ? 200 : 400, body: {} }
  })
  context.record({ kind: 'use', artefact, subjects: [], isExpected: false, ...timesOf(answer) })
}
