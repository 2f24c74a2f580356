/** docs/revocation.md: its reader is run as it stands there, and its settings are read. */

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

import { loadConfig } from '../../src/config/load-config.ts'
import { start } from '../support/start.ts'
import { callEndpoint } from '../support/user-agent.ts'
import { MACHINE } from '../http/revocation-reader.ts'
import { within } from '../support/figures.ts'

const page = await readFile(new URL('../../docs/revocation.md', import.meta.url), 'utf8')

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text)
}

it('the reader of the page gets the entry of a revoked token', async () => {
  const [program = ''] = blocks('ts')
  const folder = await mkdtemp(join(tmpdir(), 'grantor-doc-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'follow.mts'), program)
  const app = await start()
  onTestFinished(() => app.close())

  const reader = spawn(process.execPath, ['follow.mts'], {
    cwd: folder,
    env: { PATH: process.env.PATH, ISSUER: app.issuer, CLIENT_ID: MACHINE.id, CLIENT_SECRET: MACHINE.secret },
  })
  onTestFinished(() => void reader.kill())
  let said = ''
  for (const stream of [reader.stdout, reader.stderr]) stream.on('data', (text) => (said += String(text)))
  await expect.poll(() => said, within(10_000)).toContain('that is all there is')

  const params = { grant_type: 'client_credentials', resource: 'https://orders.example', scope: 'orders:read' }
  const { body } = await callEndpoint(`${app.issuer}/token`, params, MACHINE)
  const token = body.access_token ?? ''
  const revoked = await callEndpoint(`${app.issuer}/revoke`, { token }, MACHINE)
  expect(revoked.status).toBe(200)

  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }
  await expect.poll(() => said, within(5000)).toContain(`refuse {"jti":"${jti}"`)
})

it('the settings of the page are ones that a server starts with', () => {
  const yaml = blocks('yaml').join('')
  const readFile = (path: string) =>
    path.endsWith('grantor.yaml') ? yaml : 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA\n'

  const env = {
    NODE_ENV: 'production',
    TRUST_PROXY: 'none',
    ISSUER: 'https://login.example',
    GRANTOR_ROOT_KEY: 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA',
  }

  const { clients, receivers } = loadConfig({ env, cwd: '/', readFile })

  expect(clients[0]).toMatchObject({ apis: { 'https://login.example': ['revocations:read'] } })
  expect(receivers).toEqual([
    {
      endpoint: 'https://receiver.example/events',
      audience: 'https://receiver.example',
      token: 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA',
    },
  ])
})
