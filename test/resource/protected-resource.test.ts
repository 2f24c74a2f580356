/** What an API says of itself (RFC 9728). */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createVerifier, protectedResource } from '../../src/resource/index.ts'
import { MIDDLEWARE, type GuardedServer, startGuardedServers } from './guarded-servers.ts'
import { AUDIENCE } from './issuer.ts'

const issuer = 'https://login.example'
const verifier = createVerifier({ issuer, audience: AUDIENCE })

describe('protectedResource', () => {
  it('names the API, its issuer, and how it takes tokens (RFC 9728 section 2)', () => {
    const options = { scopes: ['orders:read'], name: 'Orders', documentation: 'https://orders.example/docs' }

    expect(protectedResource(verifier, options)).toEqual({
      path: '/.well-known/oauth-protected-resource',
      url: 'https://orders.example/.well-known/oauth-protected-resource',
      document: {
        resource: AUDIENCE,
        authorization_servers: [issuer],
        bearer_methods_supported: ['header'],
        scopes_supported: ['orders:read'],
        resource_name: 'Orders',
        resource_documentation: 'https://orders.example/docs',
      },
    })
  })

  it('stands between host and path of the API (RFC 9728 section 3.1)', () => {
    const deeper = createVerifier({ issuer, audience: 'https://api.example/orders/' })

    expect(protectedResource(deeper).path).toBe('/.well-known/oauth-protected-resource/orders')
    expect(protectedResource(deeper).document.resource).toBe('https://api.example/orders/')
  })

  it('says what it wants of tokens that are bound to a key', () => {
    const bound = createVerifier({ issuer, audience: AUDIENCE, dpop: { publicUrl: AUDIENCE, algorithms: ['ES256'] } })
    const { document } = protectedResource(bound, { dpopRequired: true, certificateRequired: true })

    expect(document).toMatchObject({
      dpop_signing_alg_values_supported: ['ES256'],
      dpop_bound_access_tokens_required: true,
      tls_client_certificate_bound_access_tokens: true,
    })
  })

  it.each([
    'orders',
    'urn:example:orders',
    'http://orders.example',
    'https://orders.example?x',
    'https://orders.example#x',
  ])('is not for an API whose audience is %s, which has no address to ask', (audience) => {
    expect(() => protectedResource(createVerifier({ issuer, audience }))).toThrow(TypeError)
  })

  describe('in a challenge', () => {
    let servers: GuardedServer[]
    beforeAll(async () => {
      servers = await startGuardedServers(verifier, { scopes: ['orders:read'], resource: protectedResource(verifier) })
    })
    afterAll(() => Promise.all(servers.map((server) => server.close())))

    it.each(MIDDLEWARE)('is named behind %s (RFC 9728 section 5.1)', async (name) => {
      const response = await fetch(String(servers.find((server) => server.name === name)?.origin))

      expect(response.headers.get('www-authenticate')).toBe(
        `Bearer realm="${AUDIENCE}", scope="orders:read", ` +
          'resource_metadata="https://orders.example/.well-known/oauth-protected-resource"',
      )
    })
  })
})
