import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'

import { startProcesses } from '../support/server-process.ts'
import { type Running, start } from '../support/start.ts'
import { callEndpoint, createUserAgent, newPkce, redeem, refresh, signIn } from '../support/user-agent.ts'

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
// The engine begins each of its notices and warnings like this; Node prints those of `process.emitWarning` so.
const OF_THE_ENGINE = /oidc-provider (WARNING|NOTICE)/
const OF_NODE = /\(node:\d+\) .*Warning/

/** Every door of the engine once, errors too: it prints a warning where a default is left in place, when it is used. */
async function useEverything(app: Pick<Running, 'issuer' | 'urls'>): Promise<void> {
  const agent = createUserAgent(app)
  const url = app.urls[0] ?? ''
  const pkce = newPkce()
  const callback = await signIn(agent, pkce, { scope: 'openid profile email offline_access orders:read' })
  const { body } = await redeem(url, callback.get('code') ?? '', pkce)
  const refreshed = await refresh(url, body.refresh_token ?? '')
  expect(refreshed.status).toBe(200)
  const token = refreshed.body.refresh_token ?? ''
  const origin = 'http://localhost:4011'
  await fetch(`${url}/userinfo`, { headers: { origin, authorization: `Bearer ${refreshed.body.access_token}` } })
  const accessToken = refreshed.body.access_token ?? ''
  for (const asked of [token, accessToken]) {
    await callEndpoint(`${url}/introspect`, { token: asked, client_id: 'demo-spa' })
    const headers = { accept: 'application/token-introspection+jwt' }
    expect((await callEndpoint(`${url}/introspect`, { token: asked }, MACHINE)).status).toBe(200)
    const body = new URLSearchParams({ token: asked })
    const authorization = `Basic ${btoa(`${MACHINE.id}:${MACHINE.secret}`)}`
    const signed = await fetch(`${url}/introspect`, { method: 'POST', body, headers: { ...headers, authorization } })
    expect(signed.status).toBe(200)
  }
  await callEndpoint(`${url}/revoke`, { token: accessToken, client_id: 'demo-spa' })
  await callEndpoint(`${url}/revoke`, { token, client_id: 'demo-spa' })
  expect((await callEndpoint(`${url}/token`, { grant_type: 'client_credentials' }, MACHINE)).status).toBe(200)

  const challenge = createHash('sha256').update(pkce.verifier).digest('base64url')
  const request = { client_id: 'demo-spa', response_type: 'code', redirect_uri: 'http://localhost:4011/callback' }
  const pushed = { ...request, scope: 'openid', code_challenge: challenge, code_challenge_method: 'S256' }
  expect((await callEndpoint(`${url}/par`, pushed)).status).toBe(201)
  await agent.get(`/authorize?${new URLSearchParams({ ...pushed, response_mode: 'form_post' }).toString()}`)
  await agent.get('/authorize?client_id=nobody')
  await fetch(`${url}/token`, { method: 'OPTIONS', headers: { origin } })
  await fetch(`${url}/jwks`)

  const { page } = await agent.follow(await agent.get('/logout'))
  if (page === undefined) throw new Error('there was no logout page')
  await agent.follow(await agent.submit(page, '/logout/confirm', { logout: 'yes' }))
  await agent.follow(await agent.get('/logout'))
}

describe('the server starts and runs without a warning of the engine', () => {
  afterEach(() => vi.restoreAllMocks())

  it('in this process', async () => {
    const written: string[] = []
    for (const method of ['log', 'info', 'warn', 'error'] as const) {
      vi.spyOn(console, method).mockImplementation((...args) => void written.push(args.join(' ')))
    }
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0)
    const warnings: Error[] = []
    const keep = (warning: Error) => void warnings.push(warning)
    process.on('warning', keep)

    const app = await start()
    await useEverything(app)
    await app.close()

    process.off('warning', keep)
    expect(written).toEqual([])
    expect(warnings).toEqual([])
  })

  it('in a process of its own, as an operator starts it', async () => {
    const processes = await startProcesses()
    onTestFinished(() => processes.close())
    await useEverything(processes)

    const output = processes.servers.flatMap((server) => server.output)
    expect(output.join('\n')).toContain('listening')
    expect(output.filter((line) => OF_THE_ENGINE.test(line) || OF_NODE.test(line))).toEqual([])
  })
})
