import { afterEach, describe, expect, it, vi } from 'vitest'

import { within } from '../../support/figures.ts'
import { callEndpoint } from '../../support/user-agent.ts'
import { type Supervised, startSupervised } from './supervised.ts'

vi.setConfig({ testTimeout: 100_000 })

const ORDERS = 'https://orders.example'
const SECRET = 'Zm9ydHktdGhyZWUtY2hhcmFjdGVycy1vZi1yYW5kb21uZXNz'

const machine = (client_id: string) => ({
  client_id,
  client_secret: SECRET,
  token_endpoint_auth_method: 'client_secret_post',
  grant_types: ['client_credentials'],
  apis: { [ORDERS]: ['orders:read'] },
})

const file = (...clients: string[]) => ({
  demo: false,
  apis: [{ audience: ORDERS, scopes: { 'orders:read': 'Read' } }],
  clients: clients.map(machine),
})

describe.each(['1', '2'])('a server of %s processes that gets SIGHUP', (WORKERS) => {
  let server: Supervised
  afterEach(() => server.close())

  const grant = (client_id: string) =>
    callEndpoint(`${server.urls[0]}/token`, { grant_type: 'client_credentials', client_id, client_secret: SECRET })

  it('has the clients of its file in force, and keeps those it had when the file is wrong', async () => {
    server = await startSupervised({ WORKERS }, file('old'))
    await server.until('all listen', () => server.listeners().length === Number(WORKERS))
    expect((await grant('old')).status).toBe(200)
    expect((await grant('new')).status).toBe(401)

    await server.readAgain(file('new'))
    // Each connection goes to any of the processes: all of them have to know.
    for (let round = 0; round < 8; round++) {
      await vi.waitFor(async () => expect((await grant('new')).status).toBe(200), within(2000, 50))
    }
    await vi.waitFor(async () => expect((await grant('old')).status).toBe(401), within(2000, 50))
    await server.until('it says so', () => server.lines.some(({ event }) => event === 'file_read_again'))
    expect(server.lines).toContainEqual(
      expect.objectContaining({ event: 'declaration_removed', name: 'the client old' }),
    )

    await server.readAgain('clients: [ {')
    await server.until('it says so', () => server.lines.some(({ event }) => event === 'file_refused'))
    expect((await grant('new')).status).toBe(200)
    expect(server.listeners()).toHaveLength(Number(WORKERS))
  })

  it('removes nothing where it may not, says so for each name, and lets an operator remove it', async () => {
    server = await startSupervised({ WORKERS, GRANTOR_ALLOW_DELETE: 'false' }, file('old'))
    await server.until('all listen', () => server.listeners().length === Number(WORKERS))

    await server.readAgain(file('new'))

    await server.until('it says so', () => server.lines.some(({ event }) => event === 'file_read_again'))
    expect(server.lines).toContainEqual(
      expect.objectContaining({ event: 'declaration_not_removed', name: 'the client old' }),
    )
    expect((await grant('old')).status).toBe(200)
    await vi.waitFor(async () => expect((await grant('new')).status).toBe(200), within(2000, 50))
  })
})
