/** What starts, what does not, and how a refusal reads. */

import { hash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'

import { load, oneClient, PRODUCTION, problemsOf, SHA256 } from './sources.ts'

describe('development', () => {
  it('starts with nothing set', () => {
    const config = load()

    expect(config).toMatchObject({
      production: false,
      issuer: 'http://localhost:3000',
      host: '127.0.0.1',
      port: 3000,
      opsHost: '127.0.0.1',
      opsPort: 9000,
      dataDir: '/srv/data',
      keysDir: '/srv/keys',
      redisUrl: undefined,
      redisReplicas: undefined,
      workers: 1,
      logLevel: 'info',
      trustProxy: [],
      rootKey: undefined,
      defaultApi: 'https://orders.example',
    })
  })

  it('has the demo user, clients and APIs, unless the file says otherwise', () => {
    const config = load()

    expect(config.clients.map((client) => client.clientId)).toEqual([
      'demo-web',
      'demo-spa',
      'demo-machine',
      'grantor-tour',
    ])
    expect(config.demoAccounts.map((account) => account.login)).toEqual(['alice@example.com'])
    expect(load({ yaml: 'demo: false' })).toMatchObject({
      clients: [],
      // The server itself.
      apis: [{ name: 'Grantor' }],
      demoAccounts: [],
      defaultApi: undefined,
    })
  })

  it('puts the tour beneath the issuer', () => {
    const { clients, apis } = load({ env: { PORT: '4000' } })

    expect(clients.at(-1)).toMatchObject({
      clientId: 'grantor-tour',
      redirectUris: ['http://localhost:4000/tour/callback'],
    })
    expect(apis.at(-1)).toMatchObject({ audience: 'http://localhost:4000', name: 'Grantor' })
  })

  it('[S45] gives access tokens ten minutes and refresh tokens an end', () => {
    const { apis, lifetimes } = load()

    expect(apis.every((api) => api.accessTokenSeconds === 600)).toBe(true)
    expect(lifetimes).toMatchObject({ refreshTokenIdleSeconds: 14 * 86_400, refreshTokenSeconds: 30 * 86_400 })
  })

  it('refuses to show the demo seed to the network', () => {
    const sentence = expect.stringMatching(/^HOST is "0\.0\.0\.0", .*demo: false/)

    expect(problemsOf({ env: { HOST: '0.0.0.0' } })).toEqual([sentence])
    expect(problemsOf({ env: { HOST: '0.0.0.0' }, yaml: 'demo: false' })).toEqual([])
    expect(problemsOf({ env: { HOST: '::1' } })).toEqual([])
  })

  it('needs an issuer when the port is not known beforehand', () => {
    expect(problemsOf({ env: { PORT: '0' } })).toEqual([expect.stringMatching(/^ISSUER is missing; with PORT=0/)])
    expect(load({ env: { PORT: '0', ISSUER: 'http://127.0.0.1:8080' } }).port).toBe(0)
  })
})

describe('production', () => {
  it('lists everything that is missing, each with its remedy', () => {
    expect(problemsOf({ env: { NODE_ENV: 'production' } })).toEqual([
      expect.stringMatching(/^ISSUER is missing; .*https:\/\/auth\.example\.com/),
      expect.stringMatching(/^GRANTOR_ROOT_KEY is missing; .*openssl rand -base64 32/),
      expect.stringMatching(/^TRUST_PROXY is missing; .*10\.0\.0\.0\/8, or none when/),
      expect.stringMatching(/^GRANTOR_CONFIG is missing .*grantor\.example\.yaml/),
    ])
  })

  it('[A5] refuses to start without TRUST_PROXY, and takes none for an answer', () => {
    const { TRUST_PROXY: _declared, ...undeclared } = PRODUCTION

    expect(problemsOf({ env: undeclared, yaml: oneClient() })).toEqual([
      expect.stringMatching(/^TRUST_PROXY is missing; in production it wants .* or none/),
    ])
    expect(load({ env: { ...undeclared, TRUST_PROXY: 'none' }, yaml: oneClient() }).trustProxy).toEqual([])
    expect(load({ yaml: oneClient() }).trustProxy).toEqual([])
  })

  it.each(['hunter2', 'password', 'shop', 'shop-secret', 'client_secret'])(
    '[A13] refuses the hash of %s as that of a client secret',
    (secret) => {
      const hashed = (sha256: string) => oneClient().replace(SHA256, sha256)
      const digest = (encoding: 'base64url' | 'hex') => hash('sha256', secret, encoding)

      for (const sha256 of [digest('base64url'), digest('hex')]) {
        expect(problemsOf({ env: PRODUCTION, yaml: hashed(sha256) })).toEqual([
          expect.stringMatching(/client_secret_sha256 is the hash of a secret that is easy to guess; .*clients secret/),
        ])
      }
      expect(load({ env: PRODUCTION, yaml: oneClient() }).clients[0]?.strongSecretOnly).toBe(true)
      expect(load({ yaml: oneClient() }).clients[0]?.strongSecretOnly).toBeUndefined()
    },
  )

  it('starts with an https issuer, a root key and a client', () => {
    const config = load({ env: PRODUCTION, yaml: oneClient() })

    expect(config).toMatchObject({
      production: true,
      issuer: 'https://auth.example.com',
      host: '0.0.0.0',
      demoAccounts: [],
    })
    expect(config.clients.map((client) => client.clientId)).toEqual(['shop'])
    expect(config.rootKey).toHaveLength(32)
  })

  it.each([
    [
      'an http issuer',
      { env: { ISSUER: 'http://localhost:3000' } },
      /^ISSUER is "http:\/\/localhost:3000"; it wants https/,
    ],
    ['the demo seed', { yaml: `demo: true\n${oneClient()}` }, /^demo is true; in production/],
    ['a file without clients', { yaml: 'apis: []' }, /^grantor\.yaml: clients is empty/],
    [
      'an http redirect URI',
      { yaml: oneClient('post_logout_redirect_uris: [http://localhost:1/]') },
      /post_logout_redirect_uris\[0\] .*wants https/,
    ],
    [
      'a client secret that a person made up',
      { yaml: oneClient().replace(`_sha256: ${SHA256}`, ': correct horse') },
      /client_secret is too weak .*clients secret/,
    ],
  ])('refuses %s', (_, { env = {}, yaml = oneClient() }: { env?: Record<string, string>; yaml?: string }, sentence) => {
    expect(problemsOf({ env: { ...PRODUCTION, ...env }, yaml })).toEqual([expect.stringMatching(sentence)])
  })

  it('[S84] refuses a root key that was not drawn at random', () => {
    const weak = [
      Buffer.alloc(32),
      Buffer.alloc(32, 7),
      Buffer.from(Array.from({ length: 32 }, (_, at) => at + 130)),
      Buffer.from('a passphrase of thirty-two bytes'),
    ]

    for (const bytes of weak) {
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const problems = problemsOf({
          env: { ...PRODUCTION, GRANTOR_ROOT_KEY: bytes.toString(encoding) },
          yaml: oneClient(),
        })
        expect(problems).toEqual([
          expect.stringMatching(/^GRANTOR_ROOT_KEY (repeats itself|counts up or down|is readable text)/),
        ])
      }
    }
  })

  it('accepts random root keys in base64, base64url and hex', () => {
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      const bytes = randomBytes(32)
      const { rootKey } = load({
        env: { ...PRODUCTION, GRANTOR_ROOT_KEY: bytes.toString(encoding) },
        yaml: oneClient(),
      })
      expect(Buffer.from(rootKey ?? [])).toEqual(bytes)
    }
  })
})

describe('a refusal', () => {
  it('lists every problem of environment and file at once', () => {
    const problems = problemsOf({
      env: { PORT: '70000', LOG_LEVEL: 'loud', GRANTOR_CONFG: 'x' },
      yaml: 'deafult_api: x\nlogins: { window: soon }\n',
    })

    expect(problems).toEqual([
      'GRANTOR_CONFG is not a setting; it looks like GRANTOR_CONFIG.',
      'PORT is "70000"; it wants a port number from 0 to 65535.',
      'LOG_LEVEL is "loud"; it wants silent, error, warn, info or debug.',
      'grantor.yaml: logins.window is "soon"; it wants a duration from 1s to 24h, such as 90s, 10m, 8h or 30d.',
      'grantor.yaml: deafult_api is not a setting; it looks like default_api.',
    ])
  })

  it('is one sentence for each problem, with a remedy', () => {
    const problems = problemsOf({ env: { PORT: '-1', REDIS_URL: 'http://x', TRUST_PROXY: 'all', NODE_ENV: 'prod' } })

    expect(problems).toHaveLength(4)
    for (const problem of problems) expect(problem).toMatch(/^[A-Z_]+ is .*; it wants .*\.$/)
  })

  it('never quotes a secret', () => {
    const secret = 'kanarienvogel'
    const digits = 9876543210
    const sources = {
      env: { GRANTOR_ROOT_KEY: secret, REDIS_URL: `mysql://user:${secret}@host` },
      yaml: `
issuer: https://user:${secret}@auth.example
apis:
  - { audience: https://a.example, token: { algorithm: HS256, secret: ${secret} } }
  - { audience: https://b.example, token: { algorithm: HS256, secret: ${digits} } }
clients:
  - { client_id: a, client_secret: { ${secret}: 1 } }
  - { client_id: b, client_secrett: ${secret} }
  - { client_id: c, token_endpoint_auth_method: none, client_secret: ${secret}, redirect_uris: ["https://u:${secret}@c.example/"] }
  - { client_id: e, client_secret: ${digits} }
  - { client_id: f, client_secret_sha256: ${secret} }
  - { client_id: d, token_endpoint_auth_method: private_key_jwt, jwks: { keys: [{ kty: EC, d: ${secret} }] } }
`,
    }

    expect(problemsOf(sources).length).toBeGreaterThan(7)
    for (const canary of [secret, String(digits)]) expect(problemsOf(sources).join('\n')).not.toContain(canary)
  })

  it.each(['*kanarienvogel', '!kanarienvogel x', '"kanarienvogel\\q"', '@kanarienvogel', '[kanarienvogel'])(
    'never quotes the line that is not YAML: %s',
    (value) => {
      const problems = problemsOf({ yaml: `clients:\n  - client_secret: ${value}\n` })

      expect(problems).not.toEqual([])
      expect(problems.join('\n')).not.toContain('kanarienvogel')
    },
  )
})

describe('names', () => {
  it.each(['REDIS_ULR', 'REDISURL', 'ISSUERS', 'DATADIR', 'OPSPORT', 'LOGLEVEL', 'TRUST_PROXYS', 'REDIS_URL_FIEL'])(
    'sees that %s is a misspelt setting',
    (name) => {
      expect(problemsOf({ env: { [name]: 'x' } })).toEqual([
        expect.stringMatching(`^${name} is not a setting; it looks like `),
      ])
    },
  )

  it.each([
    'POST',
    'HOSTNAME',
    'HOSTS',
    'PATH',
    'HOME',
    'USER',
    'LOGNAME',
    'REDIS_HOST',
    'DATABASE_URL',
    'NODE_OPTIONS',
    'npm_config_port',
  ])('leaves %s alone', (name) => {
    expect(problemsOf({ env: { [name]: 'x' } })).toEqual([])
  })

  it('refuses any unknown name of its own', () => {
    expect(problemsOf({ env: { GRANTOR_TURBO: '1' } })).toEqual([
      expect.stringMatching(/^GRANTOR_TURBO is not a setting; there is NODE_ENV, PORT, /),
    ])
  })

  it('knows what Kubernetes adds for a Service named grantor', () => {
    const added = {
      GRANTOR_SERVICE_HOST: '10.0.0.1',
      GRANTOR_PORT: 'tcp://10.0.0.1:80',
      GRANTOR_PORT_80_TCP_ADDR: '10.0.0.1',
      GRANTOR_REDIS_SERVICE_PORT_MAIN: '6379',
    }

    expect(problemsOf({ env: { ...added, KUBERNETES_SERVICE_HOST: '10.0.0.1' } })).toEqual([])
    expect(problemsOf({ env: added })).toHaveLength(4)
  })
})

describe('a secret in a file', () => {
  it('is read without the line break at its end', () => {
    const config = load({
      env: { GRANTOR_ROOT_KEY_FILE: 'root', REDIS_URL_FILE: '/run/redis' },
      files: { '/srv/root': `${PRODUCTION.GRANTOR_ROOT_KEY}\n`, '/run/redis': 'redis://h:1\r\n' },
    })

    expect(config.rootKey).toHaveLength(32)
    expect(config.redisUrl).toBe('redis://h:1')
  })

  it('stands for the setting in production too', () => {
    const { GRANTOR_ROOT_KEY: key, ...env } = PRODUCTION

    expect(
      problemsOf({ env: { ...env, GRANTOR_ROOT_KEY_FILE: '/run/key' }, yaml: oneClient(), files: { '/run/key': key } }),
    ).toEqual([])
  })

  it('is refused when it cannot be read, or when the setting is there too', () => {
    expect(problemsOf({ env: { REDIS_URL_FILE: '/none' } })).toEqual([
      expect.stringMatching(/^REDIS_URL_FILE is "\/none"; it wants the path/),
    ])
    expect(problemsOf({ env: { REDIS_URL: 'redis://h', REDIS_URL_FILE: '/f' }, files: { '/f': 'redis://h' } })).toEqual(
      [expect.stringMatching(/both set/)],
    )
  })
})

describe('values', () => {
  it.each([
    [
      'REDIS_URL',
      ['redis://h', 'rediss://u:p@h:6380/2', 'redis+sentinel://h1:26379,h2/main', 'redis+cluster://h1,h2:7001'],
      ['h:6379', 'http://h', 'redis://', 'redis+sentinel://h1', 'unix:///s'],
    ],
    [
      'TRUST_PROXY',
      ['10.0.0.0/8', '::1, 192.168.1.1', 'fd00::/8', 'none'],
      ['none,10.0.0.0/8', 'true', '1', '10.0.0.0/33', '0.0.0.0/0', '::/0', 'proxy.example', '10.0.0.0/8,'],
    ],
    ['WORKERS', ['1', '64'], ['0', '65', '1.5', 'two', '1e1', ' 1']],
    ['PORT', ['1', '65535'], ['65536', '-1', '0x50', '3000 ']],
    ['HOST', ['127.0.0.1', '::1', 'localhost'], ['http://localhost', 'a b', '-x']],
    [
      'ISSUER',
      ['https://auth.example', 'https://auth.example:8443', 'http://localhost:1', 'http://[::1]:1'],
      [
        'auth.example',
        'https://auth.example/',
        'https://auth.example/a',
        'https://auth.example?a',
        'https://AUTH.example',
        'https://auth.example:443',
        'https://u@auth.example',
        'http://auth.example',
        'ftp://auth.example',
      ],
    ],
  ])('%s takes what fits and nothing else', (name, good, bad) => {
    for (const value of good) expect(problemsOf({ env: { [name]: value } }), value).toEqual([])
    for (const value of bad)
      expect(problemsOf({ env: { [name]: value } }), value).toEqual([expect.stringMatching(`^${name} is `)])
  })

  it('keeps the operator’s port apart from the public one', () => {
    expect(problemsOf({ env: { PORT: '9000' } })).toEqual([expect.stringMatching(/^OPS_PORT is 9000, which is PORT/)])
  })

  it('counts an empty value as none', () => {
    expect(load({ env: { PORT: '', REDIS_URL: '', GRANTOR_ROOT_KEY: '' } })).toMatchObject({
      port: 3000,
      redisUrl: undefined,
      rootKey: undefined,
    })
    expect(problemsOf({ env: { ...PRODUCTION, GRANTOR_ROOT_KEY: '' }, yaml: oneClient() })).toEqual([
      expect.stringMatching(/^GRANTOR_ROOT_KEY is missing/),
    ])
  })
})

describe('the Config', () => {
  it('takes shortcuts, the former name of fast_path, which turns it off too', () => {
    expect(load().fastPath).toBe(true)
    expect(load({ yaml: 'fast_path: false' }).fastPath).toBe(false)
    expect(load({ yaml: 'shortcuts: false' }).fastPath).toBe(false)
  })

  it('cannot be changed anywhere, not even deep inside', () => {
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      ArrayBuffer.isView(value) ||
      (Object.isFrozen(value) && Object.values(value).every(frozen))

    expect(frozen(load({ env: PRODUCTION, yaml: oneClient() }))).toBe(true)
    expect(frozen(load())).toBe(true)
  })

  it('takes the issuer of the environment over that of the file', () => {
    const yaml = 'issuer: https://file.example'

    expect(load({ yaml }).issuer).toBe('https://file.example')
    expect(load({ yaml, env: { ISSUER: 'https://env.example' } }).issuer).toBe('https://env.example')
  })

  it('wants the file that GRANTOR_CONFIG names to be there', () => {
    expect(problemsOf({ env: { GRANTOR_CONFIG: 'missing.yaml' } })).toEqual([
      expect.stringMatching(/^GRANTOR_CONFIG is "missing\.yaml"/),
    ])
  })
})
