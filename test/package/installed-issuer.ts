/** `grantor/testing` of the installed package, in a process of its own, asked from here. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Issuer } from '../../src/testing/testing.ts'
import { type RunningProgram, startProgram } from './packed.ts'

type Asked = 'mint' | 'mintBad' | 'revoke'

export interface InstalledIssuer extends Pick<Issuer, Asked>, RunningProgram {
  readonly issuer: string
  readonly revocations: Issuer['revocations']
}

export const AUDIENCE = 'https://orders.example'

/** The client of the page: by it the API asks about opaque tokens and follows revocations. */
export const API_CLIENT = { client_id: 'orders-api', client_secret: 'of-the-orders-api-in-a-test' }
const APP_CLIENT = { client_id: 'orders-app', client_secret: 'of-an-application-in-a-test' }

const API = {
  audience: AUDIENCE,
  name: 'Orders',
  scopes: { 'orders:read': 'See your orders' },
  token: { format: 'opaque' },
  introspected_by: [API_CLIENT.client_id],
}

// Plain JavaScript, as most who test their API with it would write.
const PROGRAM = `
import { startIssuer } from 'grantor/testing'

const { audience, api, client, app } = JSON.parse(process.argv[2])
const issuer = await startIssuer({
  audience,
  settings: (issuer) => ({
    apis: [api],
    clients: [
      { ...client, grant_types: ['client_credentials'], apis: { [issuer]: ['revocations:read'] } },
      { ...app, grant_types: ['client_credentials'], apis: { [audience]: ['orders:read'] } },
    ],
  }),
})
process.on('message', async ({ id, name, args }) => process.send({ id, result: await issuer[name](...args) }))
process.once('SIGTERM', () => issuer.close().then(() => process.exit()))
process.send({ id: 0, result: { issuer: issuer.issuer, revocations: issuer.revocations } })
`

export async function startInstalledIssuer(project: string): Promise<InstalledIssuer> {
  await writeFile(join(project, 'issuer.js'), PROGRAM)
  const about = JSON.stringify({ audience: AUDIENCE, api: API, client: API_CLIENT, app: APP_CLIENT })
  const { child, stop } = startProgram(project, 'issuer.js', {}, about)
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let last = 0

  function answer(id: number): Promise<unknown> {
    const promised = Promise.withResolvers<unknown>()
    waiting.set(id, promised)
    return promised.promise
  }

  child.on('message', ({ id, result }: { id: number; result: unknown }) => waiting.get(id)?.resolve(result))
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the issuer has ended'))
  })
  const told = (await answer(0)) as Pick<InstalledIssuer, 'issuer' | 'revocations'>
  const ask = (name: Asked, ...args: unknown[]) => {
    const id = ++last
    child.send({ id, name, args })
    return answer(id)
  }
  return {
    ...told,
    stop,
    mint: (wishes = {}) => ask('mint', wishes) as Promise<string>,
    mintBad: (kind, wishes = {}) => ask('mintBad', kind, wishes) as Promise<string>,
    revoke: (what) => ask('revoke', what) as Promise<void>,
  }
}

/** From the token endpoint, since nothing but the server can make one. */
export async function opaqueToken({ issuer }: InstalledIssuer): Promise<string> {
  const { client_id: id, client_secret: secret } = APP_CLIENT
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: AUDIENCE, scope: 'orders:read' }),
  })
  return ((await response.json()) as { access_token: string }).access_token
}
