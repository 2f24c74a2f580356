/** What strangers sent, in the audit trail as it is printed. */

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { post } from '../support/requests.ts'
import { systemClock } from '../../src/base/clock.ts'
import { type Running, start } from '../support/start.ts'
import { aTerminal } from './a-terminal.ts'

// A C1 control that begins an escape sequence, marks that turn the direction of writing, a joiner, a tag, a separator.
const INVISIBLE = ['\u009b', '\u007f', '\u202e', '\u2066', '\u061c', '\u200d', '\ufeff', '\u{e0041}', '\u2028']
const FORGED = 'shop outcome=success  2030-01-01T00:00:00.000Z  login.succeeded'

describe('grantor audit', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
    const credentials = { grant_type: 'client_credentials', client_secret: 'x' }
    await post(`${app.issuer}/token`, { ...credentials, client_id: INVISIBLE.join('x') })
    await app.nodes[0]?.audit.settled()
  })
  afterAll(() => app.close())

  async function run(line: string) {
    const { port } = new URL(app.issuer)
    const env = { PORT: port, OPS_PORT: '0', DATA_DIR: app.dataDir, GRANTOR_KEYS_DIR: join(app.dataDir, 'keys') }
    const { code, out } = await (await aTerminal(env, systemClock)).run(line)
    expect(code).toBe(0)
    return out
  }

  it('[A15] prints JSON that a parser reads unchanged and a terminal shows as it is', async () => {
    const record = {
      event: 'client.authentication_failed',
      clientId: INVISIBLE.join('x'),
      address: '192.0.2.1',
    } as const
    app.nodes[0]?.audit.record(record.event, record)
    await app.nodes[0]?.audit.settled()

    const out = await run('audit --json')

    expect(out).not.toMatch(/[^\P{C}\n]|\p{Zl}|\p{Zp}/u)
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining(record))
  })

  it('[A15] prints a table in which no value can be taken for more than itself', async () => {
    app.nodes[0]?.audit.record('client.authentication_failed', { clientId: FORGED, address: '192.0.2.1' })
    await app.nodes[0]?.audit.settled()

    const out = await run('audit')

    expect(out).not.toMatch(/[^\P{C}\n]|\p{Zl}|\p{Zp}/u)
    const line = out.split('\n').find((one) => one.includes('shop outcome')) ?? ''
    expect(line).toContain('clientId="shop outcome=success 2030-01-01T00:00:00.000Z login.succeeded"')
    expect(line.split(/ {2,}/)).toHaveLength(3)
  })
})
