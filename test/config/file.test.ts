/** What grantor.yaml may declare, and what is refused in it. */

import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'

import { hashHandle } from '../../src/base/sealing.ts'
import { load, oneClient, PRODUCTION, problemsOf, SHA256 } from './sources.ts'

const DEVELOPMENT = { env: {} }
const LIVE = { env: PRODUCTION }

describe('an API', () => {
  it('is read with its defaults', () => {
    const { apis, defaultApi } = load({
      yaml: 'demo: false\napis:\n  - audience: https://a.example\n    scopes: { "a:read": Read }\n',
    })

    expect(apis[0]).toEqual({
      audience: 'https://a.example',
      name: 'https://a.example',
      scopes: { 'a:read': 'Read' },
      tokenFormat: 'jwt',
      algorithm: 'RS256',
      secret: undefined,
      accessTokenSeconds: 600,
      opensUserinfo: true,
      introspectedBy: [],
    })
    expect(defaultApi).toBe('https://a.example')
  })

  it('shares a secret with HS256 only, and that of at least 256 random bits', () => {
    const strong = '6ac1c8cd8d4ab0ab8b6f9c1d0ae1f6b7d3b6f1a2c4e5d7f8091a2b3c4d5e6f70'
    const api = (token: string) => ({ yaml: `apis: [{ audience: https://a.example, token: { ${token} } }]` })

    expect(load(api(`algorithm: HS256, secret: ${strong}`)).apis[0]?.secret).toHaveLength(32)
    expect(problemsOf(api('algorithm: HS256'))).toEqual([
      expect.stringMatching(/token\.secret or .*secret_file has to be set/),
    ])
    expect(problemsOf(api(`algorithm: HS256, secret: ${strong.slice(2)}`))).toEqual([
      expect.stringMatching(/token\.secret has 31 bytes/),
    ])
    expect(problemsOf(api(`algorithm: HS256, secret: "${'00'.repeat(32)}"`))).toEqual([
      expect.stringMatching(/repeats itself/),
    ])
    expect(problemsOf(api(`algorithm: ES256, secret: ${strong}`))).toEqual([
      expect.stringMatching(/only HS256 shares a secret/),
    ])
    expect(problemsOf(api('algorithm: none'))).toEqual([
      expect.stringMatching(/algorithm is "none"; it wants one of RS256/),
    ])
  })

  it('[S49] is spoken for by clients that exist and prove who they are', () => {
    const speaksFor = (name: string, more = '') => ({
      yaml: `apis: [{ audience: https://a.example, introspected_by: [${name}] }]\n${oneClient(more)}`,
    })
    const asPublic = speaksFor('shop', 'token_endpoint_auth_method: none').yaml.replace(
      / +client_secret_sha256.*\n/,
      '',
    )

    expect(load(speaksFor('shop')).apis[0]?.introspectedBy).toEqual(['shop'])
    expect(load(speaksFor('demo-machine')).apis[0]?.introspectedBy).toEqual(['demo-machine'])
    expect(problemsOf(speaksFor('shpo'))).toEqual([
      expect.stringMatching(/apis\[0\]\.introspected_by\[0\] is "shpo", which is no client; it looks like shop\.$/),
    ])
    expect(problemsOf({ yaml: asPublic })).toEqual([
      expect.stringMatching(/introspected_by\[0\] is "shop", a public client.*; it wants a client with credentials\.$/),
    ])
  })

  it('reads a shared secret in the folder of the file that names it', () => {
    const yaml = 'apis: [{ audience: https://a.example, token: { algorithm: HS256, secret_file: hs } }]'
    const files = { '/etc/grantor/g.yaml': yaml, '/etc/grantor/hs': `${PRODUCTION.GRANTOR_ROOT_KEY}\n` }

    expect(load({ env: { GRANTOR_CONFIG: '/etc/grantor/g.yaml' }, files }).apis[0]?.secret).toHaveLength(32)
  })

  it.each(['orders', 'https://a.example/#x', 'https://a example'])('is not called %s', (audience) => {
    expect(problemsOf({ yaml: `apis: [{ audience: "${audience}" }]` })).toEqual([
      expect.stringMatching(/apis\[0\]\.audience is /),
    ])
  })

  it.each(['openid', 'offline_access', 'a b', 'a"b', ''])('has no scope %j', (scope) => {
    expect(
      problemsOf({ yaml: `apis: [{ audience: https://a.example, scopes: { ${JSON.stringify(scope)}: x } }]` }),
    ).not.toEqual([])
  })

  it('lets no access token live longer than a day', () => {
    expect(problemsOf({ yaml: 'apis: [{ audience: https://a.example, token: { lifetime: 25h } }]' })).toEqual([
      expect.stringMatching(/lifetime is "25h"/),
    ])
  })
})

describe('a client', () => {
  it('is read with its defaults', () => {
    const { clients } = load({ env: PRODUCTION, yaml: oneClient() })

    expect(clients).toEqual([
      {
        clientId: 'shop',
        clientName: 'shop',
        applicationType: 'web',
        authMethod: 'client_secret_basic',
        secretHash: SHA256,
        strongSecretOnly: true,
        jwks: undefined,
        jwksUri: undefined,
        grantTypes: ['authorization_code'],
        redirectUris: ['https://shop.example/callback'],
        postLogoutRedirectUris: [],
        scopes: ['openid'],
        apis: {},
        firstParty: false,
        legacyWithoutPkce: false,
        refreshRotation: 'auto',
        refreshIdempotentSeconds: undefined,
        logoUri: undefined,
        subjectType: 'public',
      },
    ])
  })

  it('keeps only the hash of its secret, however the secret was given', () => {
    const secret = PRODUCTION.GRANTOR_ROOT_KEY
    const hex = Buffer.from(hashHandle(secret), 'base64url').toString('hex')
    const given = [
      `client_secret: ${secret}`,
      'client_secret_file: secret',
      `client_secret_sha256: ${hashHandle(secret)}`,
      `client_secret_sha256: ${hex}`,
    ]

    for (const line of given) {
      const config = load({
        env: PRODUCTION,
        yaml: oneClient().replace(/client_secret_sha256: .*/, line),
        files: { '/srv/secret': `${secret}\n` },
      })
      expect(config.clients[0]?.secretHash).toBe(hashHandle(secret))
      expect(JSON.stringify(config)).not.toContain(secret)
    }
  })

  it('[S46] has no identifier that an account could have', () => {
    expect(problemsOf({ yaml: oneClient().replace('shop', 'usr_AAAAAAAAAAAAAAAAAAAAAA') })).toEqual([
      expect.stringMatching(/client_id is "usr_A+"; .*accounts/),
    ])
  })

  it('has no identifier that a page of the server could have', () => {
    expect(problemsOf({ yaml: oneClient().replace('shop', 'grantor-account') })).toEqual([
      expect.stringMatching(/client_id is "grantor-account"; .*own pages/),
    ])
  })

  it.each([
    ['two secrets', oneClient('client_secret: x'), /more than one of client_secret/],
    ['no secret', oneClient().replace(/ +client_secret_sha256.*\n/, ''), /none of client_secret/],
    ['a secret without a method that uses it', oneClient('token_endpoint_auth_method: none'), /none uses no secret/],
    ['an unknown grant type', oneClient('grant_types: [password]'), /grant_types\[0\] is "password"/],
    [
      'refresh tokens from nowhere',
      oneClient('grant_types: [client_credentials, refresh_token]').replace(/ +redirect_uris.*\n/, ''),
      /refresh_token without authorization_code/,
    ],
    [
      'a code flow that leads nowhere',
      oneClient('grant_types: [authorization_code]').replace(/\[https.*\]/, '[]'),
      /redirect_uris is empty/,
    ],
    [
      'redirect URIs that nothing uses',
      oneClient('grant_types: [client_credentials]'),
      /grant_types has no authorization_code/,
    ],
    ['offline_access without refresh tokens', oneClient('scopes: [openid, offline_access]'), /needs refresh_token/],
    [
      'the scope of an API among its own',
      oneClient('scopes: [openid, "orders:read"]'),
      /the scopes of APIs stand under apis/,
    ],
    ['an API that is not there', oneClient('apis: { https://none.example: [] }'), /names an API that is not declared/],
    [
      'a scope that the API does not have',
      oneClient('apis: { https://orders.example: ["orders:raed"] }'),
      /has the scope "orders:raed".*looks like orders:read/,
    ],
    ['a name of the demo seed', oneClient().replace('shop', 'demo-web'), /declared twice/],
    ['a key for another method', oneClient('jwks_uri: https://shop.example/jwks'), /only private_key_jwt uses it/],
    [
      'another way for its secret than the registered one alone',
      oneClient('accepted_auth_methods: [client_secret_post]'),
      /accepted_auth_methods does not have client_secret_basic/,
    ],
    [
      'no way for its secret',
      oneClient('accepted_auth_methods: []'),
      /accepted_auth_methods is an empty list; it wants a list of client_secret_basic, client_secret_post/,
    ],
    [
      'keys at a private address',
      oneClient('token_endpoint_auth_method: private_key_jwt\njwks_uri: "https://10.0.0.7/keys"').replace(
        / +client_secret_sha256.*\n/,
        '',
      ),
      /jwks_uri is "https:\/\/10\.0\.0\.7\/keys"; it wants a public address.*FETCH_PRIVATE_HOSTS/,
    ],
    ['a logo that is script', oneClient('logo_uri: "javascript:alert(1)"'), /logo_uri is .* it wants an https address/],
    ['an idempotent window of minutes', oneClient('refresh: { idempotent_window: 5m }'), /idempotent_window is "5m"/],
  ])('is refused with %s', (_, yaml, sentence) => {
    expect(problemsOf({ yaml })).toEqual([expect.stringMatching(sentence)])
  })

  it('that is public keeps PKCE and rotation, and asks for no token in its own name', () => {
    const yaml = oneClient(
      'token_endpoint_auth_method: none\nlegacy_without_pkce: true\nrefresh: { rotation: never }\ngrant_types: [authorization_code, client_credentials]',
    ).replace(/ +client_secret_sha256.*\n/, '')

    expect(problemsOf({ yaml })).toEqual([
      expect.stringMatching(/client_credentials/),
      expect.stringMatching(/legacy_without_pkce/),
      expect.stringMatching(/rotation is "never"/),
    ])
  })
})

describe('a client without grant types', () => {
  const idle = (more = '') => oneClient(`grant_types: []\n${more}`).replace(/ +redirect_uris.*\n/, '')

  it('is there to ask about the tokens of an API', () => {
    const apis = 'apis: [{ audience: https://a.example, introspected_by: [shop] }]'

    expect(load({ yaml: `${apis}\n${idle()}` }).clients[0]).toMatchObject({ grantTypes: [], scopes: [], apis: {} })
    expect(problemsOf({ yaml: `${apis}\n${idle('apis: { https://a.example: [] }')}` })).toEqual([
      expect.stringMatching(/clients\[0\]\.apis is set, but without grant_types it gets no token/),
    ])
  })

  it('is refused when no API names it', () => {
    expect(problemsOf({ yaml: idle() })).toEqual([
      expect.stringMatching(/grant_types is an empty list, and no API names "shop" in introspected_by/),
    ])
  })
})

describe('the keys of a client', () => {
  const withKeys = (jwks: object) => ({
    yaml: oneClient(`token_endpoint_auth_method: private_key_jwt\njwks: ${JSON.stringify(jwks)}`).replace(
      / +client_secret_sha256.*\n/,
      '',
    ),
  })
  const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  it('may be RSA of 2048 bits, EC or Ed25519', () => {
    const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })

    expect(problemsOf(withKeys({ keys: [rsa(2048), ec.publicKey.export({ format: 'jwk' }), ed] }))).toEqual([])
  })

  it('[S84] are refused when they are weak', () => {
    expect(problemsOf(withKeys({ keys: [rsa(1024)] }))).toEqual([expect.stringMatching(/at least 2048 bits/)])
    expect(problemsOf(withKeys({ keys: [{ kty: 'EC', crv: 'secp256k1' }] }))).toEqual([expect.stringMatching(/P-256/)])
  })

  it('are refused when they are private or shared', () => {
    expect(problemsOf(withKeys({ keys: [ec.privateKey.export({ format: 'jwk' })] }))).toEqual([
      expect.stringMatching(/public keys only/),
    ])
    expect(problemsOf(withKeys({ keys: [{ kty: 'oct', k: 'AAAA' }] }))).toEqual([
      expect.stringMatching(/public keys only/),
    ])
  })
})

describe('a redirect URI', () => {
  const client = (uri: string, type: string) =>
    oneClient(`application_type: ${type}\npost_logout_redirect_uris: [${JSON.stringify(uri)}]`)
  const accepted = (uri: string, type: string, where: { env: Record<string, string> }) =>
    problemsOf({ ...where, yaml: client(uri, type) }).length === 0

  it.each([
    'https://shop.example/other#x',
    'https://shop.example/#',
    'https://*.shop.example/',
    'https://shop.example/*',
    'https://user@shop.example/',
    'https://user:word@shop.example/',
    'https://shop.example/a/../b',
    'https://shop.example/%2e%2e/b',
    'https://shop.example\\@evil.example/',
    'https://shop.example/a b',
    'https://shop.example/\u0000',
    'https://shöp.example/',
    '/callback',
    'shop.example/callback',
    'http://shop.example/',
    'http://localhost.evil.example/',
    'http://127.0.0.1.evil.example/',
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'java.script:x y',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://shop.example/1',
    'about:blank',
    'myapp:/callback',
  ])('[S17] is refused for every client: %j', (uri) => {
    for (const type of ['web', 'native']) {
      for (const where of [DEVELOPMENT, LIVE])
        expect(accepted(uri, type, where), `${type} ${JSON.stringify(where)}`).toBe(false)
    }
  })

  it.each(['code', 'state', 'iss', 'error', 'error_description', 'response', 'id_token', 'access_token'])(
    '[S19] does not carry the response parameter %s',
    (name) => {
      expect(accepted(`https://shop.example/?a=b&${name}=x`, 'web', LIVE)).toBe(false)
      expect(accepted(`https://shop.example/#${name}=x`, 'web', LIVE)).toBe(false)
      expect(accepted('https://shop.example/?a=b', 'web', LIVE)).toBe(true)
    },
  )

  it('[S18] has a private-use scheme only in reverse-domain form and only for native clients', () => {
    expect(accepted('com.example.shop:/callback', 'native', LIVE)).toBe(true)
    expect(accepted('com.example.shop:/callback', 'web', LIVE)).toBe(false)
    expect(accepted('shop:/callback', 'native', LIVE)).toBe(false)
  })

  it('[S16] may be http on a loopback address for native clients, and for web clients only in development', () => {
    for (const uri of ['http://127.0.0.1/cb', 'http://[::1]:8080/cb']) {
      expect(accepted(uri, 'native', LIVE)).toBe(true)
      expect(accepted(uri, 'web', LIVE)).toBe(false)
      expect(accepted(uri, 'web', DEVELOPMENT)).toBe(true)
    }
    expect(accepted('http://localhost/cb', 'native', LIVE)).toBe(true)
    expect(accepted('http://localhost/cb', 'web', LIVE)).toBe(false)
    expect(accepted('http://localhost/cb', 'web', DEVELOPMENT)).toBe(true)
  })
})

describe('lifetimes', () => {
  it('are read as durations or seconds', () => {
    expect(
      load({ yaml: 'lifetimes: { authorization_code: 30, session: 8h, session_idle: 1h }' }).lifetimes,
    ).toMatchObject({ authorizationCodeSeconds: 30, sessionSeconds: 28_800, sessionIdleSeconds: 3600 })
  })

  it('let no code live longer than a minute', () => {
    expect(load().lifetimes.authorizationCodeSeconds).toBe(60)
    expect(problemsOf({ yaml: 'lifetimes: { authorization_code: 61s }' })).toEqual([
      expect.stringMatching(/authorization_code is "61s"; it wants a duration from 1s to 60s/),
    ])
  })

  it('let nothing idle for longer than it lives', () => {
    expect(problemsOf({ yaml: 'lifetimes: { session: 1h, refresh_token: 1d, refresh_token_idle: 2d }' })).toEqual([
      expect.stringMatching(/session_idle is missing; it wants no more than session \(1h\)/),
      expect.stringMatching(/refresh_token_idle is "2d"; it wants no more than refresh_token \(1d\)/),
    ])
  })
})

describe('the file', () => {
  it.each([
    '- a',
    '42',
    'text',
    'clients: {}',
    'apis: 3',
    'clients: [3]',
    'demo: maybe',
    'a: 1\na: 2',
    'clients: [',
    'x: *y',
  ])('is refused when it is %j', (yaml) => {
    expect(problemsOf({ yaml })).not.toEqual([])
  })

  it('may be empty', () => {
    expect(problemsOf({ yaml: '' })).toEqual([])
    expect(problemsOf({ yaml: '# nothing yet\n' })).toEqual([])
  })

  it('names the default API among those that exist', () => {
    expect(load({ yaml: 'default_api: https://reports.example' }).defaultApi).toBe('https://reports.example')
    expect(problemsOf({ yaml: 'default_api: https://report.example' })).toEqual([
      expect.stringMatching(/looks like https:\/\/reports\.example/),
    ])
  })
})
