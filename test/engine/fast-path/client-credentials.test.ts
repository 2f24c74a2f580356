/** Machine tokens issued beside the engine are what the engine would have issued, and nothing else is answered there. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { hashSecret } from '../../../src/clients/secrets.ts'
import { basic as credentials, type BothWays, comparable, describeLeftToTheEngine, startBothWays } from './both-ways.ts'
import { meaning } from './meaning.ts'

const SECRET = 'a-secret.of_the~test'
const OPAQUE = 'https://opaque.example'
const SHARED = 'https://shared.example'
const TYPED = 'https://typed.example'
const ORDERS = 'https://orders.example'

const machine = (clientId: string, apis: Record<string, string[]>) => ({
  clientId,
  authMethod: 'client_secret_basic' as const,
  secretHash: hashSecret(SECRET),
  grantTypes: ['client_credentials' as const],
  redirectUris: [],
  scopes: [],
  apis,
})

const CLIENTS = [
  machine('one-api', { [OPAQUE]: ['test:read', 'test:write'] }),
  machine('many-apis', { [ORDERS]: ['orders:read'], [OPAQUE]: ['test:read'], [SHARED]: ['shared:read'] }),
  machine('plain-typed', { [TYPED]: ['typed:read'] }),
  machine('no-api', {}),
  machine('no-scopes', { [ORDERS]: [] }),
  { ...machine('posting', { [ORDERS]: ['orders:read'] }), authMethod: 'client_secret_post' as const },
  { ...machine('header-only', { [ORDERS]: ['orders:read'] }), acceptedAuthMethods: ['client_secret_basic' as const] },
  {
    ...machine('body-only', { [ORDERS]: ['orders:read'] }),
    authMethod: 'client_secret_post' as const,
    acceptedAuthMethods: ['client_secret_post' as const],
  },
  { ...machine('web', { [ORDERS]: ['orders:read'] }), grantTypes: ['refresh_token' as const] },
]
const APIS = [
  { audience: TYPED, scopes: { 'typed:read': 'Read' }, tokenType: 'JWT' as const },
  { audience: OPAQUE, scopes: { 'test:read': 'Read', 'test:write': 'Write' }, tokenFormat: 'opaque' as const },
  { audience: SHARED, scopes: { 'shared:read': 'Read' }, algorithm: 'HS256' as const, secret: Buffer.alloc(32, 7) },
]

type Params = Readonly<Record<string, string>>
type Sent = readonly [form: Params | string, headers?: Params]

const FORM = 'application/x-www-form-urlencoded'
const GRANT = { grant_type: 'client_credentials' }
const basic = (id: string, secret = SECRET, scheme?: string) => credentials(id, secret, scheme)

const PLAIN: Record<string, Sent> = {
  'an opaque token': [GRANT, basic('one-api')],
  'an opaque token with a scope': [{ ...GRANT, scope: 'test:read' }, basic('one-api')],
  'two scopes': [{ ...GRANT, scope: 'test:write test:read' }, basic('one-api')],
  'a scope twice': [{ ...GRANT, scope: 'test:read test:read' }, basic('one-api')],
  'the default API': [GRANT, basic('many-apis')],
  'the API that a scope names': [{ ...GRANT, scope: 'test:read' }, basic('many-apis')],
  'the API that is named': [{ ...GRANT, resource: ORDERS, scope: 'orders:read' }, basic('many-apis')],
  'an API that shares a secret': [{ ...GRANT, resource: SHARED, scope: 'shared:read' }, basic('many-apis')],
  '[C2] an API whose tokens have the type JWT': [GRANT, basic('plain-typed')],
  'a secret in the body': [{ ...GRANT, client_id: 'posting', client_secret: SECRET }],
  '[C3] a secret in the body of a client that registered the header': [
    { ...GRANT, client_id: 'one-api', client_secret: SECRET },
  ],
  '[C3] a secret in the header of a client that registered the body': [GRANT, basic('posting')],
  'a scheme in capitals': [GRANT, basic('one-api', SECRET, 'BASIC')],
  'JSON asked for': [GRANT, { ...basic('one-api'), accept: 'application/json' }],
  'a form that names its charset': [GRANT, { ...basic('one-api'), 'content-type': `${FORM};charset=UTF-8` }],
  'a cookie that does not matter': [GRANT, { ...basic('one-api'), cookie: 'a=b' }],
}

const LEFT_TO_THE_ENGINE: Record<string, Sent> = {
  'an API that is named, without a scope': [{ ...GRANT, resource: ORDERS }, basic('many-apis')],
  'an API that is named, with a scope of another': [
    { ...GRANT, resource: ORDERS, scope: 'test:read' },
    basic('many-apis'),
  ],
  'a wrong secret': [GRANT, basic('one-api', 'wrong')],
  'no secret': [GRANT],
  'an empty secret': [GRANT, basic('one-api', '')],
  'an unknown client': [GRANT, basic('nobody')],
  'a client named like what every object has': [GRANT, basic('constructor')],
  'a secret in the body of a client that accepts the header alone': [
    { ...GRANT, client_id: 'header-only', client_secret: SECRET },
  ],
  'a secret in the header of a client that accepts the body alone': [GRANT, basic('body-only')],
  'secrets in both places': [{ ...GRANT, client_id: 'posting', client_secret: SECRET }, basic('one-api')],
  'a client id beside the header': [{ ...GRANT, client_id: 'one-api' }, basic('one-api')],
  'another client id beside the header': [{ ...GRANT, client_id: 'many-apis' }, basic('one-api')],
  'a client without the grant type': [GRANT, basic('web')],
  'a client without an API': [GRANT, basic('no-api')],
  'an encoded secret': [GRANT, basic('one-api', SECRET.replace('~', '%7E'))],
  'Basic that is not base64': [GRANT, { authorization: 'Basic ###' }],
  'Basic without padding': [GRANT, { authorization: basic('one-api').authorization.replace(/=+$/, '') }],
  'Basic without a colon': [GRANT, { authorization: `Basic ${Buffer.from('one-api').toString('base64')}` }],
  'a bearer token': [GRANT, { authorization: 'Bearer abc' }],
  'another grant type': [{ grant_type: 'authorization_code', code: 'x' }, basic('one-api')],
  'no grant type': [{ scope: 'test:read' }, basic('one-api')],
  'a grant type that stands twice': ['grant_type=client_credentials&grant_type=client_credentials', basic('one-api')],
  'a scope that stands twice': ['grant_type=client_credentials&scope=test:read&scope=test:write', basic('one-api')],
  'two resources': [
    `grant_type=client_credentials&resource=${encodeURIComponent(ORDERS)}&resource=${encodeURIComponent(OPAQUE)}`,
    basic('many-apis'),
  ],
  'an empty scope': [{ ...GRANT, scope: '' }, basic('one-api')],
  'an empty scope where the client has none': [{ ...GRANT, scope: '' }, basic('no-scopes')],
  'an empty resource': [{ ...GRANT, resource: '' }, basic('one-api')],
  'a scope that no API has': [{ ...GRANT, scope: 'unheard:of' }, basic('one-api')],
  'one scope of two that the API has': [{ ...GRANT, scope: 'test:read unheard:of' }, basic('one-api')],
  'scopes of two APIs': [{ ...GRANT, scope: 'test:read orders:read' }, basic('many-apis')],
  'a scope of another API than the named one': [{ ...GRANT, resource: ORDERS, scope: 'test:read' }, basic('many-apis')],
  'a scope that the client may not ask for': [{ ...GRANT, scope: 'orders:write' }, basic('many-apis')],
  'a scope with two spaces': [{ ...GRANT, scope: 'test:read  test:write' }, basic('one-api')],
  'a scope with a quote': [{ ...GRANT, scope: 'test:"read' }, basic('one-api')],
  'an OpenID scope': [{ ...GRANT, scope: 'openid' }, basic('one-api')],
  'an API that the client may not call': [{ ...GRANT, resource: ORDERS }, basic('one-api')],
  'a resource that is no address': [{ ...GRANT, resource: 'orders' }, basic('one-api')],
  'a resource with a fragment': [{ ...GRANT, resource: `${OPAQUE}#a` }, basic('one-api')],
  'a resource with a slash more': [{ ...GRANT, resource: `${OPAQUE}/` }, basic('one-api')],
  'an unknown parameter': [{ ...GRANT, foo: 'bar' }, basic('one-api')],
  'a parameter named like what every object has': [
    { ...GRANT, ['__proto__']: 'x', constructor: 'y' },
    basic('one-api'),
  ],
  'an assertion': [{ ...GRANT, client_assertion: 'x', client_assertion_type: 'y' }, basic('one-api')],
  'a DPoP proof': [GRANT, { ...basic('one-api'), dpop: 'x' }],
  'an attestation': [GRANT, { ...basic('one-api'), 'oauth-client-attestation': 'x' }],
  'an origin': [GRANT, { ...basic('one-api'), origin: 'https://spa.example' }],
  'a page asked for': [GRANT, { ...basic('one-api'), accept: 'text/html' }],
  'a page asked for, and refused': [GRANT, { ...basic('one-api', 'wrong'), accept: 'text/html' }],
  'JSON in the body': [JSON.stringify(GRANT), { ...basic('one-api'), 'content-type': 'application/json' }],
  'no body': ['', basic('one-api')],
  'a long body': [{ ...GRANT, scope: 'a'.repeat(5000) }, basic('one-api')],
  'a body that is too long': [{ ...GRANT, scope: 'a'.repeat(60_000) }, basic('one-api')],
}

describe('machine tokens', () => {
  let both: BothWays
  beforeAll(async () => {
    both = await startBothWays({ clients: CLIENTS, apis: APIS })
  })
  afterAll(() => both.close())

  describe.each(Object.keys(PLAIN))('%s', (name) => {
    it('is answered by the fast path as the engine would, and means the same', async () => {
      const { ours, theirs } = await both.plainly(request(PLAIN[name] as Sent))

      expect(ours.status).toBe('HTTP/1.1 200 OK')
      expect(comparable(ours)).toEqual(comparable(theirs))
      expect(await meaning(both.app, ours)).toEqual(await meaning(both.app, theirs))
    })
  })

  const left = Object.entries(LEFT_TO_THE_ENGINE).map(([name, sent]) => [name, () => request(sent)] as const)
  describeLeftToTheEngine(() => both, Object.fromEntries(left))

  it('answers the next request on a connection after a body that the engine was given second', async () => {
    const statuses = []
    for (let round = 0; round < 3; round++) {
      const body = new URLSearchParams(GRANT)
      const { status } = await fetch(`${both.app.urls[0]}/token`, {
        method: 'POST',
        body,
        headers: basic('one-api', 'wrong'),
      })
      statuses.push(status)
    }

    expect(statuses).toEqual([401, 401, 401])
  })
})

function request([form, headers]: Sent) {
  return { path: '/token', form, ...(headers && { headers }) }
}
