/**
 * The operator's configuration: one frozen object, made once at the start from the environment and `grantor.yaml`.
 *
 * Only this folder reads `process.env`. All other code takes the Config, or the part of it that it needs.
 */

import type { ApiSettings } from '../registry/api/api.ts'
import type { ClientSettings } from '../registry/client/client.ts'

export type { ApiSettings, SigningAlgorithm } from '../registry/api/api.ts'
export type { ClientSettings } from '../registry/client/client.ts'

export interface Config {
  /** `NODE_ENV=production`: no demo data, no http issuer, no generated root key. */
  readonly production: boolean
  /** The grantor.yaml that was read, by its absolute path; absent when there was none. */
  readonly file: string | undefined
  /** The issuer identifier: scheme, host, optional port; no path, no trailing slash (RFC 8414 section 2). */
  readonly issuer: string
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly opsHost: string
  readonly opsPort: number
  readonly dataDir: string
  /** Below so much free space in `dataDir` nothing new is issued; 64 MB, or an eighth of a smaller disk, unless set. */
  readonly dataDirFreeBytes: number | undefined
  /** Where a generated root key is kept in development. */
  readonly keysDir: string
  /** `redis://`, `rediss://`, `redis+sentinel://h1,h2/name`, `redis+cluster://h1,h2`; without it the embedded store. */
  readonly redisUrl: string | undefined
  /** How many replicas confirm what decides; unset: with Sentinel or Cluster one while one is left, else none. */
  readonly redisReplicas: number | undefined
  /** Server processes on this machine. */
  readonly workers: number
  /** Whether a start and SIGHUP remove what the file no longer declares. */
  readonly allowDelete: boolean
  /** How long a server that was told to stop still serves while it is unready, so that balancers notice. */
  readonly stopDelaySeconds: number
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
  /** Addresses (CIDR) of the reverse proxies whose `X-Forwarded-For` is believed; empty: none. */
  readonly trustProxy: readonly string[]
  /** Hosts at private addresses from which the keys of clients (`jwks_uri`) may be fetched. */
  readonly privateHosts: readonly string[]
  /** 32 bytes; without it (development only) one is generated into `keysDir`. */
  readonly rootKey: Uint8Array | undefined
  /** During a replacement of the root key: the new one, under which `grantor keys rotate-root` seals the ring. */
  readonly nextRootKey: Uint8Array | undefined
  readonly lifetimes: Lifetimes
  readonly keys: KeyRules
  /** Absent: this server holds its signing keys, sealed. */
  readonly signer: SignerRules | undefined
  readonly logins: LoginRules
  readonly clientAuthentication: ClientAuthenticationRules
  readonly dpop: DpopRules
  /** Whether plain requests are answered without the engine (engine/fast-path/). */
  readonly fastPath: boolean
  readonly apis: readonly ApiSettings[]
  /** The audience of tokens for which no resource was asked; absent only when there is no API. */
  readonly defaultApi: string | undefined
  readonly clients: readonly ClientSettings[]
  /** The receivers to which security events are pushed. */
  readonly receivers: readonly ReceiverSettings[]
  readonly branding: Branding
  readonly wellKnown: WellKnown
  /** Accounts made at first start; development only. */
  readonly demoAccounts: readonly DemoAccount[]
}

/** All in seconds. */
export interface Lifetimes {
  readonly authorizationCodeSeconds: number
  readonly idTokenSeconds: number
  readonly interactionSeconds: number
  /** A session ends after this long without use … */
  readonly sessionIdleSeconds: number
  /** … and after this long in any case. */
  readonly sessionSeconds: number
  readonly refreshTokenIdleSeconds: number
  readonly refreshTokenSeconds: number
  readonly consentSeconds: number
  readonly auditSeconds: number
}

/** How signing keys move in time; all in seconds. */
export interface KeyRules {
  /** How long a key signs before its successor does. */
  readonly rotationSeconds: number
  /** The `max-age` of the JWKS: how long a verifier may keep it without asking. */
  readonly maxAgeSeconds: number
  /** Added to every overlap, for nodes that follow late, slow answers, and clocks that differ. */
  readonly marginSeconds: number
  /** How much longer a key may wait to sign, for verifiers that do not hold it yet; 0 waits for none. */
  readonly waitForVerifiersSeconds: number
}

/** The external signer that holds the signing keys; unset when this server holds them. */
export interface SignerRules {
  /** The Unix socket of a signing process. */
  readonly socket: string
  readonly timeoutMs: number
  /** Signatures under way; the next one gets 503. */
  readonly atOnce: number
  /** `false`: keys are made here again, and the signer keeps those it has until they are rotated out. */
  readonly newKeys: boolean
}

export interface LoginRules {
  readonly attemptsPerAccount: number
  readonly attemptsPerAddress: number
  readonly attemptsPerNetwork: number
  readonly windowSeconds: number
  /** Password checks that run at the same time; the number of cores unless set. */
  readonly concurrentHashes: number
  /** Password checks that may wait; the next one gets 503. */
  readonly waitingHashes: number
}

/** How often a client may fail to authenticate from one address. */
export interface ClientAuthenticationRules {
  readonly attempts: number
  readonly windowSeconds: number
}

export interface DpopRules {
  /** Whether every proof must contain a nonce of this server (RFC 9449 section 8). */
  readonly requireNonce: boolean
}

/** What the pages show of the operator; each is unset unless chosen. */
export interface Branding {
  readonly name: string | undefined
  /** The absolute path of a picture. */
  readonly logo: string | undefined
  /** `#rrggbb` */
  readonly colour: string | undefined
  readonly help: string | undefined
  readonly privacy: string | undefined
  readonly terms: string | undefined
}

/** What is answered at well-known addresses about the operator; each address is absent unless set. */
export interface WellKnown {
  readonly changePassword: string | undefined
  readonly securityText:
    | { readonly contact: readonly string[]; readonly expires: string; readonly policy?: string | undefined }
    | undefined
}

/** A receiver of security events, which are pushed to it (RFC 8935). */
export interface ReceiverSettings {
  readonly endpoint: string
  /** The `aud` of its events. */
  readonly audience: string
  /** The credential by which the receiver recognises this server. */
  readonly token: string | undefined
}

export interface DemoAccount {
  readonly login: string
  readonly password: string
  readonly claims: AccountClaims
}

/** The OpenID Connect standard claims (Core section 5.1) that an account may carry. */
export interface AccountClaims {
  readonly name?: string
  readonly given_name?: string
  readonly family_name?: string
  readonly email?: string
  readonly email_verified?: boolean
}
