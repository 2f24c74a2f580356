/**
 * Our pages on a free port, with everything of ours real and a hand-made engine behind the interactions.
 *
 * The engine's side of a sign-in is a table here, so that a test can put a browser in front of any page at once. What
 * the real engine does is tested in test/flows and test/browser.
 */

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

import type { Account } from '../../src/accounts/accounts.ts'
import { createAudit } from '../../src/audit/audit.ts'
import { createLog } from '../../src/audit/log.ts'
import { InteractionGone } from '../../src/faults/sign-in.ts'
import { createSealer } from '../../src/base/sealing.ts'
import { createSignIn } from '../../src/core.ts'
import { createPages } from '../../src/http/pages/pages.ts'
import { loadViews } from '../../src/http/pages/views.ts'
import type { Interaction, Interactions } from '../../src/engine/interactions/interactions.ts'
import { openTestStore } from '../support/embedded-store.ts'
import { movableClock } from '../support/movable-clock.ts'

export const ALICE = { login: 'alice@example.com', password: 'wonderland-2026' }

const unset = undefined
const NO_BRANDING = { name: unset, logo: unset, colour: unset, help: unset, privacy: unset, terms: unset }

export interface PagesApp {
  readonly url: string
  readonly alice: Account
  /** Makes an interaction as the engine would, and gives its address and the cookie of the browser that began it. */
  begin(interaction?: Partial<Interaction>): { readonly address: string; readonly cookie: string }
  /** The calls of the engine, in order. */
  readonly engineCalls: string[]
  readonly logged: string[]
  auditedEvents(): Promise<string[]>
}

export interface PagesAppOptions {
  readonly attemptsPerAccount?: number
  readonly waitingHashes?: number
  readonly production?: boolean
}

export async function startPages(options: PagesAppOptions = {}): Promise<PagesApp> {
  const clock = movableClock()
  const store = await openTestStore(clock)
  const logged: string[] = []
  const log = createLog({ level: 'debug', destination: { write: (line) => void logged.push(line) } })
  const audit = createAudit({ store, clock, log })
  const storeKey = Buffer.alloc(32, 7)
  const sealer = createSealer(storeKey, 'store')
  const rules = {
    attemptsPerAccount: options.attemptsPerAccount ?? 10,
    attemptsPerAddress: 100,
    attemptsPerNetwork: 500,
    windowSeconds: 300,
    concurrentHashes: 1,
    waitingHashes: options.waitingHashes ?? 10,
  }
  const signIn = { store, clock, audit, sealer, storeKey, rules, monotonic: clock }
  const { accounts, logins } = createSignIn(signIn)
  const alice = await accounts.createAccount({ ...ALICE, claims: { name: 'Alice Liddell' } })

  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://localhost:${(server.address() as AddressInfo).port}`

  const begun = new Map<string, Interaction>()
  const engineCalls: string[] = []
  const pages = createPages({
    issuer: url,
    production: options.production ?? false,
    interactions: recordedInteractions(begun, engineCalls, url),
    logins,
    accounts,
    lifetimes: { sessionSeconds: 28_800, refreshTokenSeconds: 2_592_000 },
    audit,
    log,
    views: loadViews(NO_BRANDING),
    wellKnown: { changePassword: undefined, securityText: undefined },
    csrfKey: Buffer.alloc(32, 9),
    ...(options.production ? {} : { demo: ALICE, tour: { selfUrl: () => url } }),
  })
  server.on('request', (req, res) => void pages.handle(req, res))

  return {
    url,
    alice,
    engineCalls,
    logged,

    begin(interaction = {}) {
      const begunNow = { ...aLogin(), accountId: alice.id, ...interaction }
      begun.set(begunNow.uid, begunNow)
      return { address: `${url}/interaction/${begunNow.uid}`, cookie: `interaction=${begunNow.uid}` }
    },

    async auditedEvents() {
      await audit.settled()
      return (await audit.read(undefined, 100)).map(({ record }) => record.event)
    },
  }
}

let count = 0

function aLogin(): Interaction {
  count += 1
  return {
    foundAt: 0,
    uid: `uid-${count}`,
    prompt: 'login',
    client: { clientId: 'shop', clientName: 'The Shop', logoUri: undefined, redirectHost: 'shop.example' },
    redirectUri: 'https://shop.example/callback',
    loginHint: undefined,
    accountId: undefined,
    asked: { scopes: [], apis: [] },
  }
}

function recordedInteractions(begun: Map<string, Interaction>, engineCalls: string[], url: string): Interactions {
  async function find(req: IncomingMessage): Promise<Interaction> {
    const [, uid = ''] = /interaction=([^;]+)/.exec(req.headers.cookie ?? '') ?? []
    const interaction = begun.get(uid)
    if (interaction === undefined) throw new InteractionGone()
    return interaction
  }

  async function finish(req: IncomingMessage, what: string): Promise<string> {
    const { uid } = await find(req)
    engineCalls.push(`${what} ${uid}`)
    return `${url}/authorize/${uid}`
  }

  return {
    find,
    finishLogin: (req, _res, accountId) => finish(req, `login as ${accountId}`),
    finishConsent: (req) => finish(req, 'consent'),
    abort: (req) => finish(req, 'abort'),
    switchAccount: (req) => finish(req, 'switch'),
    waysOut: async () => undefined,
  }
}
