/** What a verifier makes of a feed that is not as ours: a server of a few lines says what it should not. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  createRevocationFeed,
  type FeedEvent,
  type RevocationFeed,
} from '../../src/resource/revocations/revocation-feed.ts'
import { until } from './feed-fixture.ts'
import { NOW, type StrangeIssuer, startIssuer } from './issuer.ts'

const ENTRY = { gid: 'g1', exp: NOW + 600, at: NOW }
const SECRET = 'a secret: +/%'

let at: StrangeIssuer
let feeds: RevocationFeed[]
/** What each stream says; it stays open. */
let says: string
let token: Record<string, unknown>
let authorizations: (string | undefined)[]

beforeEach(async () => {
  at = await startIssuer()
  feeds = []
  authorizations = []
  says = ''
  token = { access_token: 'the-token', token_type: 'Bearer', expires_in: 600 }
  at.answer = answer
})

afterEach(async () => {
  await Promise.all(feeds.map((feed) => feed.close()))
  await at.close()
})

describe('a verifier at a strange feed', () => {
  const broken: Record<string, string> = {
    'that is not JSON': 'event: revocation\nid: 1\ndata: {"gid":\n\n',
    'that is a list': 'event: revocation\nid: 1\ndata: []\n\n',
    'without an end': 'event: revocation\nid: 1\ndata: {"gid":"g1"}\n\n',
    'whose end is a text': 'event: revocation\nid: 1\ndata: {"gid":"g1","exp":"1"}\n\n',
    'that names a number': `event: revocation\nid: 1\ndata: {"gid":1,"exp":${NOW}}\n\n`,
    'that names an empty text': `event: revocation\nid: 1\ndata: {"gid":"","exp":${NOW}}\n\n`,
    'with a moment that is a text': `event: revocation\nid: 1\ndata: {"before":"1","exp":${NOW}}\n\n`,
    'without a cursor': `event: revocation\ndata: ${JSON.stringify(ENTRY)}\n\n`,
    'that is not UTF-8': 'event: revocation\nid: 1\ndata: \xff\n\n',
    'of a line without end': `data: ${'x'.repeat(40_000)}`,
  }
  it.each(Object.entries(broken))(
    'does not pass over an entry %s, but counts the feed as silent',
    async (_what, text) => {
      const { feed, events } = follow()
      says = text + CURRENT

      const prepared = feed.prepare()
      await until(() => events.filter(({ type }) => type === 'disconnected').length > 1)

      expect(() => feed.checkSilence()).toThrow()
      expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['disconnected']))
      void feed.close()
      await expect(prepared).rejects.toMatchObject({ code: 'verifier_unavailable' })
    },
  )

  it('continues after an entry of an unknown kind, and says so', async () => {
    const { feed, events } = follow()
    says = entry({ device: 'd1', before: NOW + 60, exp: NOW + 600 }) + entry(ENTRY) + CURRENT

    await feed.prepare()

    expect(events.map(({ type }) => type)).toEqual(['entry_unknown', 'revocation', 'current', 'connected'])
    expect(feed.covers({ gid: 'g1', iat: NOW })).toBe(true)
    expect(feed.covers({ gid: 'g2', iat: NOW })).toBe(false)
  })

  it('passes over events that a newer server may send', async () => {
    const { feed } = follow()
    says = `event: weather\ndata: fine\n\n${CURRENT}`

    await expect(feed.prepare()).resolves.toBeUndefined()
  })

  it.each([{ token_type: 'DPoP' }, { access_token: 'two lines\n' }, { access_token: undefined }])(
    'does not use the token endpoint’s answer %j',
    async (differs) => {
      token = { ...token, ...differs }
      const { feed, events } = follow()

      const prepared = feed.prepare()
      await until(() => events.some(({ type }) => type === 'disconnected'))
      void feed.close()
      await expect(prepared).rejects.toMatchObject({ code: 'verifier_unavailable' })

      expect(at.asked.get('/feed') ?? 0).toBe(0)
      expect(JSON.stringify(events.map((event) => ('error' in event ? event.error?.message : '')))).not.toContain(
        'two lines',
      )
    },
  )

  it('sends id and secret form-encoded (RFC 6749 section 2.3.1), and the token as a bearer', async () => {
    const { feed } = follow()
    says = CURRENT

    await feed.prepare()

    const [basic, bearer] = authorizations
    expect(Buffer.from(basic?.slice('Basic '.length) ?? '', 'base64').toString()).toBe('an+api:a+secret%3A+%2B%2F%25')
    expect(bearer).toBe('Bearer the-token')
  })

  it('asks for a new token when the feed does not take the one it has', async () => {
    const { feed } = follow()
    const refuse = at.answer
    at.answer = (req, res) => {
      if (req.url !== '/feed' || at.asked.get('/feed') !== 1) return refuse?.(req, res) ?? false
      res.writeHead(401).end()
      return true
    }
    says = CURRENT

    await feed.prepare()

    expect(at.asked.get('/token')).toBe(2)
  })

  it('waits longer from one attempt to the next while nothing works', async () => {
    const { feed } = follow()
    at.says.down = true
    at.answer = undefined

    await expect(feed.prepare()).rejects.toMatchObject({ code: 'verifier_unavailable' })

    // 200, 400, 800, 1600 ms, each half as much again or half as little.
    expect(at.asked.get(METADATA)).toBeGreaterThan(2)
    expect(at.asked.get(METADATA)).toBeLessThan(7)
  })

  it('does not let what the API counts with disturb it', async () => {
    const { feed } = follow(() => {
      throw new Error('no counter of that name')
    })
    says = entry(ENTRY) + CURRENT

    await feed.prepare()

    expect(feed.covers({ gid: 'g1' })).toBe(true)
  })

  it('has ended every connection when it is closed, and still refuses', async () => {
    const { feed } = follow()
    says = entry(ENTRY) + CURRENT
    await feed.prepare()
    expect(open).toBe(1)

    await feed.close()

    await until(() => open === 0)
    expect(feed.covers({ gid: 'g1' })).toBe(true)
  })
})

describe('the options of a feed', () => {
  it.each([
    [{ clientId: 'a' }, 'either a clientSecret or a clientKey'],
    [{ clientSecret: 'b' }, 'needs a clientId'],
    [{ clientId: 'a', clientSecret: '' }, 'must be a text'],
    [{ clientId: 'a', clientKey: { kty: 'OKP', crv: 'Ed25519', x: 'x' } }, 'must be a private key'],
    [{ clientId: 'a', clientKey: { kty: 'RSA', d: 'x' } }, 'needs its alg'],
    [{ clientId: 'a', clientSecret: 'b', token: async () => '' }, 'either a client or a function'],
    [{ token: 'eyJ' }, 'either a client or a function'],
    [{ clientId: 'a', clientSecret: 'b', whenSilent: 'shrug' }, 'refuse or accept'],
    [{ clientId: 'a', clientSecret: 'b', silentAfterSeconds: 5 }, '10 to 3600'],
    [{ clientId: 'a', clientSecret: 'b', silentAfterSeconds: Number.NaN }, '10 to 3600'],
    [{ clientId: 'a', clientSecret: 'b', onFeed: true }, 'must be a function'],
    [{ clientId: 'a', clientSecret: 'b', failOpen: true }, 'no option "failOpen"'],
  ])('are refused when they are wrong: %j', (options, message) => {
    const parts = { issuer: at.issuer, clock: () => NOW * 1000, fetch }

    expect(() => createRevocationFeed({ ...parts, ...options } as never)).toThrow(new RegExp(message))
  })
})

const METADATA = '/.well-known/oauth-authorization-server'
const CURRENT = `event: current\ndata: {"now":${NOW},"every":5}\n\n`

function entry(value: object): string {
  return `event: revocation\nid: 1\ndata: ${JSON.stringify(value)}\n\n`
}

function follow(onEvent?: () => void): { feed: RevocationFeed; events: FeedEvent[] } {
  const events: FeedEvent[] = []
  const feed = createRevocationFeed({
    ...{ issuer: at.issuer, clock: () => NOW * 1000, fetch },
    ...{ clientId: 'an api', clientSecret: SECRET },
    onFeed(event) {
      events.push(event)
      onEvent?.()
    },
  })
  feeds.push(feed)
  return { feed, events }
}

let open = 0

function answer(req: IncomingMessage, res: ServerResponse): boolean {
  if (req.url === METADATA) {
    res.end(
      JSON.stringify({
        issuer: at.issuer,
        token_endpoint: `${at.issuer}/token`,
        revocations_endpoint: `${at.issuer}/feed`,
      }),
    )
    return true
  }
  authorizations.push(req.headers.authorization)
  if (req.url === '/token') {
    res.end(JSON.stringify(token))
    return true
  }
  open += 1
  res.on('close', () => {
    open -= 1
  })
  res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).write(Buffer.from(says, 'latin1'))
  return true
}
