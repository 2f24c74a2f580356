/**
 * How many files of src/ one request passes through: a server of the tree under `root` is driven over HTTP, and V8 counts
 * the calls of each function meanwhile.
 *
 * Every flow is made many times, and then the server idles for as long. A file counts when one of its functions was called
 * at least as often as the flow, beyond the calls of the idle time: those are of timers.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { authorizationUrl, callEndpoint, createUserAgent, newPkce, signInAt } from '../../test/support/user-agent.ts'
import { freePort } from '../../src/testing/free-port.ts'

const ROUNDS = 20
const WARM_UP = 3
const CLIENT = { id: 'demo-web', secret: 'demo-web-secret-not-for-production' }
const REDIRECT_URI = 'http://localhost:4010/callback'
const PRELOAD = pathToFileURL(join(import.meta.dirname, 'preload.ts')).href

/** Names below src/, in order. */
export interface Passes {
  readonly refresh: readonly string[]
  readonly code: readonly string[]
  readonly signIn: readonly string[]
}

export async function passesIn(root: string): Promise<Passes> {
  const server = await startServer(root)
  try {
    const measure = async (work: () => Promise<unknown>) => {
      await server.taken()
      const began = performance.now()
      for (let round = 0; round < ROUNDS; round++) await work()
      const counts = await server.taken()
      await new Promise((resolve) => setTimeout(resolve, performance.now() - began))
      return filesOf(counts, new Map(await server.taken()), root)
    }
    for (let round = 0; round < WARM_UP; round++)
      await refresh(server.issuer, await redeem(server.issuer, await signIn(server.issuer)))
    const signInFiles = await measure(() => signIn(server.issuer))
    const codes: SignedIn[] = []
    for (let round = 0; round < ROUNDS; round++) codes.push(await signIn(server.issuer))
    const code = await measure(() => redeem(server.issuer, codes.pop() as SignedIn))
    let token = await redeem(server.issuer, await signIn(server.issuer))
    const refreshed = await measure(async () => {
      token = await refresh(server.issuer, token)
    })
    return { refresh: refreshed, code, signIn: signInFiles }
  } finally {
    await server.close()
  }
}

interface Server {
  readonly issuer: string
  /** The calls of each function, by file and place, since the last time. */
  taken(): Promise<[string, number][]>
  close(): Promise<void>
}

async function startServer(root: string): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-figures-'))
  const [port, opsPort] = [await freePort(), await freePort()]
  const env = {
    PATH: process.env.PATH,
    ...{ PORT: String(port), OPS_PORT: String(opsPort), LOG_LEVEL: 'error' },
    ...{ DATA_DIR: join(folder, 'data'), GRANTOR_KEYS_DIR: join(folder, 'keys') },
  }
  const child = spawn(process.execPath, ['--import', PRELOAD, join(root, 'src/main.ts')], {
    ...{ cwd: root, env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  })
  const issuer = `http://localhost:${port}`
  await untilServing(issuer, child)
  return {
    issuer,
    async taken() {
      const answer = once(child, 'message')
      child.send('take')
      const [counts] = (await answer) as [[string, number][]]
      return counts
    },
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function untilServing(issuer: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await fetch(`${issuer}/jwks`).catch(() => undefined)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`the server ended with ${child.exitCode}`)
}

interface SignedIn {
  readonly code: string
  readonly verifier: string
}

async function signIn(issuer: string): Promise<SignedIn> {
  const pkce = newPkce()
  const agent = createUserAgent({ issuer, urls: [issuer] })
  const params = {
    scope: 'openid offline_access orders:read',
    params: { prompt: 'consent', resource: 'https://orders.example' },
  }
  const url = authorizationUrl(pkce, { clientId: CLIENT.id, redirectUri: REDIRECT_URI, ...params })
  const { searchParams } = await signInAt(agent, url)
  return { code: searchParams.get('code') ?? '', verifier: pkce.verifier }
}

async function redeem(issuer: string, { code, verifier }: SignedIn): Promise<string> {
  const params = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: REDIRECT_URI }
  return refreshTokenOf(
    await callEndpoint(`${issuer}/token`, { ...params, resource: 'https://orders.example' }, CLIENT),
  )
}

async function refresh(issuer: string, token: string): Promise<string> {
  const params = { grant_type: 'refresh_token', refresh_token: token, resource: 'https://orders.example' }
  return refreshTokenOf(await callEndpoint(`${issuer}/token`, params, CLIENT))
}

function refreshTokenOf({ body }: { readonly body: Readonly<Record<string, unknown>> }): string {
  if (typeof body.refresh_token !== 'string') throw new Error(`no refresh token: ${JSON.stringify(body)}`)
  return body.refresh_token
}

function filesOf(counts: readonly [string, number][], idle: ReadonlyMap<string, number>, root: string): string[] {
  const src = `${pathToFileURL(join(root, 'src')).href}/`
  const passed = counts.filter(([place, calls]) => place.startsWith(src) && calls - (idle.get(place) ?? 0) >= ROUNDS)
  return [...new Set(passed.map(([place]) => place.slice(src.length).replace(/#\d+$/, '')))].toSorted()
}
