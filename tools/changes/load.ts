/** What others do while clients and APIs change: machine tokens, introspection and refreshes, at every worker. */

import { createUserAgent, newPkce, redeem, signIn } from '../../test/support/user-agent.ts'
import type { ChangedServers } from './changed-servers.ts'
import type { Answer, Credentials, WorkerConnection } from './worker-connection.ts'

export interface Load {
  /** Resolves when no request waits any more. */
  stop(): Promise<{ readonly answered: number; readonly failed: readonly string[] }>
}

const MACHINE: Credentials = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

export async function startLoad({ issuer, urls, connect }: ChangedServers): Promise<Load> {
  const failed: string[] = []
  let answered = 0
  let isOver = false
  const [machines, people] = [connect(), connect()]
  const tokens = await Promise.all(people.map(() => signedIn({ issuer, urls })))
  const loops = [...machines.map(machine), ...people.map((worker, at) => person(worker, tokens[at] ?? ''))]

  return {
    async stop() {
      isOver = true
      await Promise.all(loops)
      return { answered, failed }
    },
  }

  async function machine(worker: WorkerConnection): Promise<void> {
    const form = { grant_type: 'client_credentials', scope: 'orders:read' }
    while (!isOver) await expectGood(worker.post('/token', form, MACHINE))
  }

  /** Refreshes without a pause; each token is used once. */
  async function person(worker: WorkerConnection, first: string): Promise<void> {
    let token = first
    while (!isOver) {
      const form = { grant_type: 'refresh_token', client_id: 'demo-spa', refresh_token: token }
      const answer = await expectGood(worker.post('/token', form))
      token = String(answer?.body.refresh_token ?? token)
    }
  }

  async function expectGood(asked: Promise<Answer>): Promise<Answer | undefined> {
    const answer = await asked.catch((error: unknown) => ({ status: 0, body: { error: String(error) } }))
    if (answer.status === 200) answered += 1
    else failed.push(`${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.status === 200 ? answer : undefined
  }
}

async function signedIn(running: Pick<ChangedServers, 'issuer' | 'urls'>): Promise<string> {
  const pkce = newPkce()
  const code = (await signIn(createUserAgent(running), pkce)).get('code') ?? ''
  const { body } = await redeem(running.urls[0] ?? '', code, pkce)
  if (body.refresh_token === undefined) throw new Error(`no refresh token: ${JSON.stringify(body)}`)
  return body.refresh_token
}
