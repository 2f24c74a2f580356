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

// Plain JavaScript, as most who test their API with it would write.
const PROGRAM = `
import { startIssuer } from 'grantor/testing'

const issuer = await startIssuer({ audience: 'https://orders.example' })
process.on('message', async ({ id, name, args }) => process.send({ id, result: await issuer[name](...args) }))
process.once('SIGTERM', () => issuer.close().then(() => process.exit()))
process.send({ id: 0, result: { issuer: issuer.issuer, revocations: issuer.revocations } })
`

export async function startInstalledIssuer(project: string): Promise<InstalledIssuer> {
  await writeFile(join(project, 'issuer.js'), PROGRAM)
  const { child, stop } = startProgram(project, 'issuer.js')
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
  const about = (await answer(0)) as Pick<InstalledIssuer, 'issuer' | 'revocations'>
  const ask = (name: Asked, ...args: unknown[]) => {
    const id = ++last
    child.send({ id, name, args })
    return answer(id)
  }
  return {
    ...about,
    stop,
    mint: (wishes = {}) => ask('mint', wishes) as Promise<string>,
    mintBad: (kind, wishes = {}) => ask('mintBad', kind, wishes) as Promise<string>,
    revoke: (what) => ask('revoke', what) as Promise<void>,
  }
}
