import { describe, expect, it } from 'vitest'

import { ClientUnknown } from '../../src/base/faults.ts'
import { createClients } from '../../src/clients/clients.ts'
import type { ClientSettings } from '../../src/config/config.ts'

function aClient(clientId: string): ClientSettings {
  return {
    clientId,
    clientName: clientId,
    applicationType: 'web',
    authMethod: 'none',
    secretHash: undefined,
    jwks: undefined,
    jwksUri: undefined,
    grantTypes: ['authorization_code'],
    redirectUris: ['https://app.example/callback'],
    postLogoutRedirectUris: [],
    scopes: ['openid'],
    apis: {},
    firstParty: false,
    legacyWithoutPkce: false,
    refreshRotation: 'auto',
    refreshIdempotentSeconds: undefined,
    logoUri: undefined,
    subjectType: 'public',
  }
}

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
