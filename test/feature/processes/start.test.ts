/** A start that cannot succeed tells the operator why, in one sentence. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

import { startSupervised } from './supervised.ts'
import { startProcesses } from '../../support/server-process.ts'

const COMMAND = fileURLToPath(new URL('../../../bin/grantor.js', import.meta.url))

it('names the file that cannot be opened, and why', async () => {
  const starting = startProcesses({ env: { DATA_DIR: '/dev/null/data' } })

  await expect(starting).rejects.toThrow('cannot open /dev/null/data/grantor.db: ENOTDIR')
})

it.each(['PORT', 'OPS_PORT'])('names the %s that is taken', async (setting) => {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo

  const server = await startSupervised({ [setting]: String(port) })
  onTestFinished(() => server.close())

  expect(await server.ended()).toEqual({ code: 1 })
  expect(server.words).toEqual([
    `Cannot listen on 127.0.0.1:${port}: another process listens there; stop it, or choose another PORT or OPS_PORT.`,
  ])
})

it('asks for a newer Node where it is old', async () => {
  const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`
  const started = execFile(process.execPath, ['--import', `data:text/javascript,${old}`, COMMAND, 'start'])
  const [said] = (await once(started.stderr as NonNullable<typeof started.stderr>, 'data')) as [string]
  const [code] = (await once(started, 'exit')) as [number]

  expect(said).toMatch(/^Grantor needs Node 24 or newer, and this is [^\n]+\n$/)
  expect(code).toBe(1)
})
