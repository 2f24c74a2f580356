/** Ten mistakes of an application: from the message that its developer sees, by the reference, to cause and remedy. */

import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { FAULT_EXPLANATIONS } from '../../src/cli/error/fault-explanations.ts'
import { ROOT } from '../house/root.ts'
import { movableClock } from '../support/movable-clock.ts'
import {
  ASSERTION_TYPE,
  authorize,
  basic,
  CALLBACK,
  confidential,
  keyed,
  newCode,
  ORDERS,
  type Params,
  post,
  redemption,
  SECRET,
} from '../support/requests.ts'
import { type Running, start } from '../support/start.ts'
import { createUserAgent } from '../support/user-agent.ts'
import { aTerminal } from './a-terminal.ts'

const KEYED = keyed('keyed')
const clock = movableClock(Date.now())
const log: string[] = []
let app: Running
beforeAll(async () => {
  app = await start({
    clock,
    clients: [
      confidential('shop', { apis: { [ORDERS]: ['orders:read'] } }),
      confidential('strict', { acceptedAuthMethods: ['client_secret_basic'] }),
      { clientId: 'spa', redirectUris: ['https://app.example/callback'] },
      KEYED.settings,
    ],
    onLog: (line) => log.push(line),
  })
})
afterAll(() => app.close())

interface Seen {
  readonly headers: Headers
  readonly text: string
}

interface Mistake {
  readonly make: () => Promise<Seen>
  /** What the command says. */
  readonly cause: RegExp
  readonly remedy: RegExp
}

const token = (params: Params, headers: Record<string, string> = basic('shop')) =>
  post(`${app.issuer}/token`, params, headers)
const ask = (params: Params) =>
  authorize(createUserAgent(app), { client_id: 'shop', redirect_uri: CALLBACK, scope: 'openid', ...params })
const code = () => newCode(createUserAgent(app), { clientId: 'shop', redirectUri: CALLBACK })
const redeem = (granted: Awaited<ReturnType<typeof code>>) =>
  token(redemption(granted, { client_id: undefined, redirect_uri: CALLBACK }))

const REDIRECT = { cause: /compared character by character/, remedy: /clients set shop redirect_uris=/ }
const MISTAKES: Readonly<Record<string, Mistake>> = {
  'a redirect URI that differs by a slash': { make: () => ask({ redirect_uri: `${CALLBACK}/` }), ...REDIRECT },
  'a redirect URI in capitals': {
    make: () => ask({ redirect_uri: CALLBACK.replace('callback', 'Callback') }),
    ...REDIRECT,
  },
  'a redirect URI with another port': {
    make: () => ask({ redirect_uri: CALLBACK.replace('4999', '4998') }),
    ...REDIRECT,
  },
  'the wrong method of authentication': {
    make: () => token({ grant_type: 'client_credentials', client_id: 'strict', client_secret: SECRET }, {}),
    cause: /^The secret is right/,
    remedy: /accepted_auth_methods/,
  },
  'a wrong secret': {
    make: () => token({ grant_type: 'client_credentials' }, basic('shop', 'a-wrong-secret')),
    cause: /wrong secret/,
    remedy: /clients rotate-secret shop/,
  },
  'no PKCE': {
    make: () => ask({ code_challenge: undefined, code_challenge_method: undefined }),
    cause: /PKCE with S256 is required/,
    remedy: /code_challenge_method=S256/,
  },
  'an unknown scope': { make: () => ask({ scope: 'orders:raed' }), cause: /scopes/, remedy: /spelling/ },
  'a wrong resource': {
    make: () => ask({ resource: 'https://none.example' }),
    cause: /No API has the audience/,
    remedy: /grantor apis list/,
  },
  'a clock that is behind': {
    async make() {
      const now = Math.floor(clock() / 1000)
      const client_assertion = await KEYED.assertion(app.issuer, { iat: now - 900, exp: now - 600 })
      return token({ grant_type: 'client_credentials', client_assertion, client_assertion_type: ASSERTION_TYPE }, {})
    },
    cause: /clock/,
    remedy: /NTP/,
  },
  'a clock that is ahead': {
    async make() {
      const now = Math.floor(clock() / 1000)
      const client_assertion = await KEYED.assertion(app.issuer, { iat: now + 600, exp: now + 900 })
      return token({ grant_type: 'client_credentials', client_assertion, client_assertion_type: ASSERTION_TYPE }, {})
    },
    cause: /clock/,
    remedy: /NTP/,
  },
  'an expired code': {
    async make() {
      const granted = await code()
      clock.moveSeconds(120)
      return redeem(granted)
    },
    cause: /A code lives for a minute/,
    remedy: /at once/,
  },
  'a code that was used before': {
    async make() {
      const granted = await code()
      await redeem(granted)
      return redeem(granted)
    },
    cause: /used before/,
    remedy: /once/,
  },
  'a script of another origin': {
    make: () =>
      token(
        { grant_type: 'authorization_code', client_id: 'spa', code: 'x', redirect_uri: 'https://app.example/callback' },
        { origin: 'https://other.example' },
      ),
    cause: /CORS/,
    remedy: /redirect_uris/,
  },
}

describe('grantor error', () => {
  it.each(Object.entries(MISTAKES))('leads from %s to cause and remedy', async (_name, { make, cause, remedy }) => {
    const { headers, text } = await make()
    const reference = headers.get('x-error-id') ?? ''
    const terminal = await aTerminal()
    await writeFile(join(terminal.folder, 'grantor.log'), log.join('\n'))

    const piped = await terminal.run(`error ${reference} --json`, { piped: log.join('\n') })
    const fromFile = await terminal.run(`error ${reference} --log grantor.log --json`)

    expect(reference).toMatch(/^[0-9a-f]{10}$/)
    expect(piped).toMatchObject({ code: 0, err: '' })
    expect(fromFile).toEqual(piped)
    expect(JSON.parse(piped.out)).toMatchObject({
      cause: expect.stringMatching(cause),
      remedy: expect.stringMatching(remedy),
    })
    // The application and its person learn nothing of it.
    for (const secret of [JSON.parse(piped.out).cause, 'grantor ']) expect(text).not.toContain(secret)
  })

  it('prints what the line says, then cause and remedy, a row each', async () => {
    const { headers } = await ask({ redirect_uri: `${CALLBACK}/` })

    const { out } = await (await aTerminal()).run(`error ${headers.get('x-error-id')}`, { piped: log.join('\n') })

    expect(out.split('\n').map((row) => row.split(' ')[0])).toEqual([
      'time',
      'error',
      'route',
      'client',
      'address',
      'value',
      'detail',
      'cause',
      'remedy',
    ])
  })

  it('explains a code without a log, in the sentences of docs/errors.md', async () => {
    const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').split('## Of the verifier')[0] ?? ''
    const rows = [...page.matchAll(/^\| `(\w+)` \| [\d, ]+ \| (.*) \| (.*) \|$/gm)]

    expect((await (await aTerminal()).run('error store_full')).out).toContain(FAULT_EXPLANATIONS.store_full?.remedy)
    expect((await (await aTerminal()).run('error store_refused')).out).toMatch(/see docs\/guides\/backup\.md$/)
    expect(Object.fromEntries(rows.map(([, name, cause, remedy]) => [name, { cause, remedy }]))).toEqual(
      FAULT_EXPLANATIONS,
    )
  })

  it('says where to look when the log does not have the reference, or cannot be read', async () => {
    const terminal = await aTerminal()

    expect(await terminal.run('error 0123456789', { piped: log.join('\n') })).toMatchObject({
      code: 1,
      err: expect.stringContaining('Look at the log of every server'),
    })
    expect(await terminal.run('error 0123456789 --log none.log')).toMatchObject({
      code: 1,
      err: 'none.log cannot be read.',
    })
  })
})
