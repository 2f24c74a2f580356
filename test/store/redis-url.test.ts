import { describe, expect, it } from 'vitest'

import { ConfigInvalid } from '../../src/faults/start.ts'
import { parseRedisUrl } from '../../src/store/redis/connection/url.ts'

const NOTHING = { name: '', db: 0, tls: false, username: undefined, password: undefined }

describe('REDIS_URL', () => {
  it.each([
    ['redis://localhost', { kind: 'standalone', nodes: [{ host: 'localhost', port: 6379 }] }],
    ['redis://127.0.0.1:7000/3', { kind: 'standalone', nodes: [{ host: '127.0.0.1', port: 7000 }], db: 3 }],
    ['redis://[::1]:7000', { kind: 'standalone', nodes: [{ host: '::1', port: 7000 }] }],
    ['rediss://host', { kind: 'standalone', nodes: [{ host: 'host', port: 6379 }], tls: true }],
    [
      'redis://user:p%40ss%2Fword@host',
      { kind: 'standalone', nodes: [{ host: 'host', port: 6379 }], username: 'user', password: 'p@ss/word' },
    ],
    ['redis://:secret@host', { kind: 'standalone', nodes: [{ host: 'host', port: 6379 }], password: 'secret' }],
    [
      'redis+sentinel://a:1,b/main/2',
      {
        kind: 'sentinel',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26_379 },
        ],
        name: 'main',
        db: 2,
      },
    ],
    [
      'rediss+cluster://:secret@a,b:7001/',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 7001 },
        ],
        tls: true,
        password: 'secret',
      },
    ],
  ])('%s is read', (url, address) => {
    expect(parseRedisUrl(url)).toEqual({ ...NOTHING, ...address })
  })

  it.each([
    '',
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://a,b',
    'redis://host:0',
    'redis://host:99999',
    'redis://host:port',
    'redis://host/first',
    'redis://host/-1',
    'redis://host/0/1',
    'redis://user:%zz@host',
    'redis+sentinel://a,b',
    'redis+cluster://a,b/1',
    'redis+cluster://a,,b',
    'redis+ring://a',
  ])('%s is refused with the forms that are right', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(ConfigInvalid)
    expect(() => parseRedisUrl(url)).toThrow(/redis\+sentinel:\/\/.*redis\+cluster:\/\//)
  })

  it('is not repeated when it is refused, for it may hold a password', () => {
    expect(() => parseRedisUrl('redis://:secret@host/first')).toThrow(expect.not.stringContaining('secret'))
  })
})
