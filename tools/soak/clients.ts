/** Those who take tokens all the time: machines for each API, and people whose applications refresh without a pause. */

import {
  callEndpoint,
  createUserAgent,
  newPkce,
  redeem,
  refresh,
  signIn,
  type TokenAnswer,
} from '../../test/support/user-agent.ts'
import { ALGORITHMS, type Algorithm, audienceOf, MACHINE, scopeOf, SPA } from './soak-servers.ts'
import type { Judge } from './judge.ts'
import { noteFailure, type Tally } from './tally.ts'

export interface ClientsParts {
  readonly issuer: string
  readonly judge: Judge
  readonly tally: Tally
}

// Real time. Some twenty tokens a second in all, each looked at up to ten times: what half a core does.
const MACHINE_PAUSE_MS = 200
const PERSON_PAUSE_MS = 600

/** Returns a stop, which resolves when no request waits for an answer any more. */
export function startClients({ issuer, judge, tally }: ClientsParts): () => Promise<void> {
  let stopping = false
  const loops = ALGORITHMS.flatMap((algorithm) => [machine(algorithm), person(algorithm)])

  return async function stop() {
    stopping = true
    await Promise.all(loops)
  }

  async function machine(algorithm: Algorithm): Promise<void> {
    const asked = { grant_type: 'client_credentials', resource: audienceOf(algorithm), scope: scopeOf(algorithm) }
    while (!stopping) {
      const answer = await request(`client_credentials for ${algorithm}`, () =>
        callEndpoint(`${issuer}/token`, asked, MACHINE),
      )
      await judgeAll(answer)
      await pause(MACHINE_PAUSE_MS)
    }
  }

  /** Signs in through the forms and refreshes for as long as that works, which it has to do to the end. */
  async function person(algorithm: Algorithm): Promise<void> {
    let answer: TokenAnswer | undefined
    while (!stopping) {
      const token = answer?.body.refresh_token
      answer =
        token === undefined
          ? await signInFor(algorithm)
          : await request(`refresh for ${algorithm}`, () => refresh(issuer, token, SPA.clientId))
      await judgeAll(answer)
      await askUserinfo(answer)
      await pause(PERSON_PAUSE_MS)
    }
  }

  async function signInFor(algorithm: Algorithm): Promise<TokenAnswer | undefined> {
    const options = { ...SPA, scope: `openid ${scopeOf(algorithm)}`, params: { resource: audienceOf(algorithm) } }
    return request(`sign-in for ${algorithm}`, async () => {
      const pkce = newPkce()
      const agent = createUserAgent({ issuer, urls: [issuer] })
      const code = (await signIn(agent, pkce, options)).get('code') ?? ''
      return redeem(issuer, code, pkce, options)
    })
  }

  /** The server verifies its own tokens too, and as a rule another node than the one that signed. */
  async function askUserinfo(answer: TokenAnswer | undefined): Promise<void> {
    const token = answer?.body.access_token
    if (token === undefined) return
    await request('userinfo', async () => {
      const response = await fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as TokenAnswer['body'],
      }
    })
  }

  async function judgeAll(answer: TokenAnswer | undefined): Promise<void> {
    const { access_token: access, id_token: id } = answer?.body ?? {}
    await Promise.all([
      access === undefined ? undefined : judge.take(access, 'access'),
      id === undefined ? undefined : judge.take(id, 'id'),
    ])
  }

  /** The answer, unless the request failed: then that is counted, and it goes on. */
  async function request(what: string, send: () => Promise<TokenAnswer>): Promise<TokenAnswer | undefined> {
    tally.requests += 1
    try {
      const answer = await send()
      if (answer.status === 200) return answer
      throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
    } catch (error) {
      tally.failedRequests += 1
      noteFailure(tally, `${what}: ${(error as Error).message}`)
      return undefined
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
