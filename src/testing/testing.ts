/**
 * `grantor/testing`: a whole Grantor inside a test, for people who test their own APIs and clients.
 *
 * ```ts
 * import { BAD_TOKENS, startIssuer } from 'grantor/testing'
 *
 * const issuer = await startIssuer({ audience: 'https://orders.example' })
 * const token = await issuer.mint({ scopes: ['orders:read'] })
 * for (const kind of BAD_TOKENS) console.log(kind, await issuer.mintBad(kind))
 * await issuer.revoke(token)
 * await issuer.close()
 * ```
 *
 * Nothing of it is a stub: the server is the real one on a free port, with the embedded store in a folder that is deleted
 * when it closes; its metadata, keys and revocation feed are real, and good tokens are signed with the key it signs with.
 * It listens on this machine only. Never point a production API at it.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { decodeJwt } from 'jose'

import type { NewRevocation } from '../revocation/revocation-log.ts'
import { type App, startApp } from '../app.ts'
import { createLog } from '../audit/log.ts'
import { randomId } from '../base/ids.ts'
import { loadConfig } from '../config/load-config.ts'
import type { FeedEvent } from '../resource/revocations/revocation-feed.ts'
import { type BadToken, mintBadToken } from './bad-tokens.ts'
import { createDpopKey, type DpopKey } from './dpop-key.ts'
import { freePort } from './free-port.ts'
import { createKnownVerifiers } from './known-verifiers.ts'
import { type HeldClock, heldClock } from './held-clock.ts'
import { type Mint, payloadOf, signingKey, signToken, type TokenWishes } from './tokens.ts'

export { BAD_TOKENS, type BadToken } from './bad-tokens.ts'
export type { DpopKey, DpopRequest } from './dpop-key.ts'
export type { HeldClock } from './held-clock.ts'
export type { TokenWishes } from './tokens.ts'

export interface IssuerOptions {
  /** The API that tokens are for by default; unless set `https://api.example`. */
  readonly audience?: string
  /** The source of time, in epoch milliseconds; unless set the real clock. `moveSeconds` adds to it. */
  readonly clock?: () => number
  /**
   * The content of grantor.yaml (docs/settings.md), for tests that sign people in or get tokens at `/token`: clients,
   * APIs, lifetimes. A function gets the issuer as argument.
   */
  readonly settings?: IssuerSettings | ((issuer: string) => IssuerSettings)
}

export interface IssuerSettings {
  readonly clients?: readonly Readonly<Record<string, unknown>>[]
  readonly apis?: readonly Readonly<Record<string, unknown>>[]
  readonly [name: string]: unknown
}

/** What to end: a token, or everything that came from a grant, a session, a client or a key. */
export type Ended =
  | string
  | { readonly grantId: string }
  | { readonly sessionId: string }
  | { readonly clientId: string }
  | { readonly keyId: string }

interface FeedClient {
  readonly clientId: string
  readonly clientSecret: string
}

export interface Issuer {
  /** For `createVerifier({ issuer })`. */
  readonly issuer: string
  readonly audience: string
  readonly clock: HeldClock
  /**
   * A client that may read the revocation feed, for `createVerifier({ revocations: issuer.revocations })`. Through its
   * `onFeed` the issuer learns what the verifier knows; each verifier gets its own.
   */
  readonly revocations: FeedClient & { readonly onFeed: (event: FeedEvent) => void }
  /** A good access token, signed with the key that the server signs with now. */
  mint(wishes?: TokenWishes): Promise<string>
  /** The same token, but wrong in one way. */
  mintBad(kind: BadToken, wishes?: TokenWishes): Promise<string>
  /** A client's key for `mint({ dpop })` and the proofs that go with the token. */
  dpopKey(): Promise<DpopKey>
  /**
   * Ends a token, or everything that came from a grant, session, client or key. Resolves when every verifier of this
   * process that was created with `revocations` and follows refuses it; other verifiers do so within a second.
   */
  revoke(what: Ended): Promise<void>
  /** Stops the server and deletes what it wrote. */
  close(): Promise<void>
}

/** Throws `ConfigInvalid` with a sentence for each problem of `settings`. */
export async function startIssuer(options: IssuerOptions = {}): Promise<Issuer> {
  const clock = heldClock(options.clock)
  const folder = await mkdtemp(join(tmpdir(), 'grantor-testing-'))
  const issuer = `http://localhost:${await freePort()}`
  const feedClient = { clientId: 'testing-verifier', clientSecret: randomId() }
  const verifiers = createKnownVerifiers()
  const removeFolder = () => rm(folder, { recursive: true, force: true })

  let app: App
  try {
    const config = configure(issuer, folder, options, feedClient)
    app = await startApp(config, { log: createLog({ level: 'silent' }), clock })
  } catch (error) {
    await removeFolder()
    throw error
  }
  const audience = options.audience ?? 'https://api.example'
  const mint: Mint = { issuer, audience, clock, ring: () => app.keyring.current() }

  async function mintGood(wishes: TokenWishes = {}): Promise<string> {
    return signToken(payloadOf(mint, wishes), signingKey(mint, wishes))
  }

  async function revoke(what: Ended): Promise<void> {
    const entry = entryFor(what)
    await app.revocationLog.publish(entry, { keepSeconds: LONGEST_SECONDS })
    await verifiers.untilKnown(entry)
  }

  return {
    ...{ issuer, audience, clock },
    revocations: {
      ...feedClient,
      get onFeed() {
        return verifiers.onFeed()
      },
    },
    mint: mintGood,

    async mintBad(kind, wishes = {}) {
      if (kind !== 'revoked') return mintBadToken(kind, mint, wishes)
      const token = await mintGood(wishes)
      await revoke(token)
      return token
    },

    dpopKey: () => createDpopKey(clock),
    revoke,

    async close() {
      await app.close()
      await removeFolder()
    },
  }
}

/** An entry is kept for as long as a token that it covers may live; a test may mint one for a day. */
const LONGEST_SECONDS = 86_400

function entryFor(what: Ended): NewRevocation {
  if (typeof what === 'string') {
    const { jti } = decodeJwt(what)
    if (jti === undefined) throw new TypeError('a token without jti cannot be revoked by itself')
    return { jti }
  }
  if ('grantId' in what) return { gid: what.grantId }
  if ('sessionId' in what) return { sid: what.sessionId }
  if ('clientId' in what) return { client_id: what.clientId }
  return { kid: what.keyId }
}

function configure(issuer: string, folder: string, options: IssuerOptions, { clientId, clientSecret }: FeedClient) {
  const settings = (typeof options.settings === 'function' ? options.settings(issuer) : options.settings) ?? {}
  const file = {
    demo: false,
    ...settings,
    clients: [
      ...(settings.clients ?? []),
      {
        client_id: clientId,
        client_secret: clientSecret,
        grant_types: ['client_credentials'],
        apis: { [issuer]: ['revocations:read'] },
      },
    ],
  }
  const env = {
    ISSUER: issuer,
    PORT: new URL(issuer).port,
    OPS_PORT: '0',
    DATA_DIR: join(folder, 'data'),
    GRANTOR_KEYS_DIR: join(folder, 'keys'),
    GRANTOR_CONFIG: 'grantor.yaml',
  }
  // JSON is YAML, and never leaves this process.
  return loadConfig({ env, cwd: folder, readFile: () => JSON.stringify(file) })
}
