import { describe, expect, it } from 'vitest'

import { ClientUnknown } from '../../src/base/faults.ts'
import { createClients } from '../../src/clients/clients.ts'
import { PLAIN_CLIENT } from '../support/plain-client.ts'

const aClient = (clientId: string) => ({ ...PLAIN_CLIENT, clientId })

describe('clients', () => {
  it('finds a client by its id, exactly as it is written', () => {
    const clients = createClients([aClient('web'), aClient('spa')])

    expect(clients.findClient('spa')?.clientId).toBe('spa')
    expect(clients.findClient('SPA')).toBeUndefined()
    expect(clients.getClient('web').clientId).toBe('web')
    expect(clients.listClients().map((client) => client.clientId)).toEqual(['web', 'spa'])
  })

  it.each(['other', '', '__proto__', 'constructor'])('knows no client called "%s"', (clientId) => {
    const clients = createClients([aClient('web')])

    expect(clients.findClient(clientId)).toBeUndefined()
    expect(() => clients.getClient(clientId)).toThrow(ClientUnknown)
  })

  it('refuses two clients with one id', () => {
    expect(() => createClients([aClient('web'), aClient('web')])).toThrow(TypeError)
  })
})
