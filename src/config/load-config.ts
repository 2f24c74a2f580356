/**
 * From the environment and grantor.yaml to one frozen Config, or a refusal that lists every problem at once.
 *
 * Nothing is repaired or guessed: a server that starts with other settings than its operator believes is worse than one
 * that does not start.
 */

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, resolve } from 'node:path'

import { ConfigInvalid } from '../faults/start.ts'
import { toApi } from '../registry/api/rules.ts'
import { toClient } from '../registry/client/rules.ts'
import type { ApiSettings, Branding, ClientSettings, Config, ReceiverSettings } from './config.ts'
import { type DemoSeed, demoSeed } from './demo.ts'
import type { Environment } from './environment/environment.ts'
import { toBranding } from './file/branding.ts'
import { EMPTY_FILE, readSettingsFile, type SettingsFile } from './file/file.ts'
import { issuerWants } from './issuer.ts'
import { toKeyRules, toSignerRules } from './file/key-rules.ts'
import { toClientAuthenticationRules, toLifetimes, toLoginRules } from './file/lifetimes.ts'
import { shown } from '../registry/problems.ts'
import type { ReadFile } from '../registry/secrets/secret-file.ts'
import { readSettings, type Settings } from './environment/read-settings.ts'
import { ownApi } from '../registry/api/own-api.ts'
import { repeatedReceivers, toReceiver } from './file/receiver-settings.ts'
import { isLoopback } from '../registry/client/redirect-uris.ts'
import { referenceProblems } from '../registry/references.ts'
import { sharedSecretProblems } from '../registry/secrets/shared-secrets.ts'
import { SETTINGS } from './environment/settings.ts'
import { toWellKnown } from './file/well-known.ts'
import { createWeakHashCheck } from '../registry/secrets/weak-secrets.ts'

export interface ConfigSources {
  readonly env: Environment
  /** Where relative paths begin. */
  readonly cwd: string
  /** Gives the text of a file, or throws; the file system unless a test says otherwise. */
  readonly readFile?: ReadFile
}

/**
 * The frozen Config.
 *
 * Throws `ConfigInvalid` with one sentence for each problem: the setting, what it got (never a secret), what it wants.
 *
 * ```ts
 * const config = loadConfig({ env: environment(), cwd: '/srv/grantor' })
 * config.issuer // 'https://auth.example.com'
 * ```
 */
export function loadConfig({ env, cwd, readFile = readText }: ConfigSources): Config {
  const problems: string[] = []
  const production = env.NODE_ENV === 'production'
  const settings = readSettings(env, (path) => readFile(resolve(cwd, path)), problems)
  const opened = openSettingsFile(settings, cwd, readFile, problems)
  const issuer = decideIssuer(settings, opened.file, production, problems)
  const demo = !production && (opened.file.demo ?? true) ? demoSeed(issuer) : undefined
  const privateHosts = settings.FETCH_PRIVATE_HOSTS ?? []
  const declared = readDeclarations(opened, { issuer, demo, production, privateHosts }, readFile, problems)

  problems.push(
    ...placeProblems(settings, opened.file, production),
    ...(production ? missingInProduction(settings, opened, env) : []),
  )
  if (problems.length > 0) throw new ConfigInvalid([...new Set(problems)])
  return deepFreeze(assemble(settings, opened, { production, issuer, cwd, demo, privateHosts, ...declared }))
}

interface Opened {
  readonly file: SettingsFile
  /** As sentences name it. */
  readonly name: string
  /** Where relative paths in it begin. */
  readonly folder: string
  readonly found: boolean
}

const DEFAULT_FILE = 'grantor.yaml'

/** The file that GRANTOR_CONFIG names, which has to be there, or grantor.yaml, which may be. */
function openSettingsFile(settings: Settings, cwd: string, readFile: ReadFile, problems: string[]): Opened {
  const path = resolve(cwd, settings.GRANTOR_CONFIG ?? DEFAULT_FILE)
  const place = { name: basename(path), folder: dirname(path) }
  let text: string
  try {
    text = readFile(path)
  } catch (error) {
    const absent = settings.GRANTOR_CONFIG === undefined && (error as { code?: unknown }).code === 'ENOENT'
    if (!absent)
      problems.push(
        `GRANTOR_CONFIG is ${shown(settings.GRANTOR_CONFIG ?? DEFAULT_FILE)}; it wants ${SETTINGS.GRANTOR_CONFIG.wants}.`,
      )
    return { ...place, file: EMPTY_FILE, found: !absent }
  }
  const found: string[] = []
  const file = readSettingsFile(text, found)
  problems.push(...found.map((sentence) => `${place.name}: ${sentence}`))
  return { ...place, file, found: true }
}

function decideIssuer(settings: Settings, file: SettingsFile, production: boolean, problems: string[]): string {
  const fallback = `http://localhost:${settings.PORT ?? 0}`
  const given = settings.ISSUER ?? file.issuer
  if (given === undefined) {
    if (!production && settings.PORT === 0)
      problems.push('ISSUER is missing; with PORT=0 it wants the address under which the server will be reached.')
    return fallback
  }
  const wants = issuerWants(given, production)
  if (wants === undefined) return given
  problems.push(`${settings.ISSUER === undefined ? 'issuer' : 'ISSUER'} is ${shown(given)}; it wants ${wants}.`)
  return fallback
}

interface Declarations {
  readonly apis: readonly ApiSettings[]
  readonly clients: readonly ClientSettings[]
  readonly receivers: readonly ReceiverSettings[]
  readonly branding: Branding
}

/** The APIs and clients of the file, then those of the demo seed and the server's own API, and the receivers. */
function readDeclarations(
  opened: Opened,
  { issuer, demo, production, privateHosts }: Pick<Decided, 'issuer' | 'demo' | 'production' | 'privateHosts'>,
  readFile: ReadFile,
  problems: string[],
): Declarations {
  const { file, folder, name } = opened
  const found: string[] = []
  const nearby: ReadFile = (path) => readFile(resolve(folder, path))
  const declared = file.apis.map(({ path, entry }) => toApi(entry, path, nearby, found))
  const own = declared.some(({ audience }) => audience === issuer) ? [] : [ownApi(issuer)]
  const apis = [...declared, ...(demo?.apis ?? []), ...own]
  const isWeakHash = createWeakHashCheck()
  const clients = file.clients
    .map(({ path, entry }) =>
      toClient(entry, path, { production, privateHosts, readFile: nearby, problems: found, isWeakHash }),
    )
    .concat(demo?.clients ?? [])
  const receivers = file.receivers.map(({ path, entry }) =>
    toReceiver(entry, path, { production, readFile: nearby, problems: found }),
  )
  const branding = toBranding(file.branding, { folder, readFile, problems: found })
  // A reference to an entry that was itself refused would only repeat that refusal.
  if (file.complete) {
    found.push(
      ...referenceProblems(file, apis, clients),
      ...repeatedReceivers(file.receivers),
      ...sharedSecretProblems(file.apis, { issuer, apis, clients }),
    )
  }
  problems.push(...found.map((sentence) => `${name}: ${sentence}`))
  return { apis, clients, receivers, branding }
}

/** Where the server may listen, and what the file may switch on. */
function placeProblems(settings: Settings, file: SettingsFile, production: boolean): string[] {
  const rules: [boolean, string][] = [
    [
      settings.PORT !== 0 && settings.PORT !== undefined && settings.PORT === settings.OPS_PORT,
      `OPS_PORT is ${settings.OPS_PORT}, which is PORT; it wants ${SETTINGS.OPS_PORT.wants}.`,
    ],
    [
      !production && (file.demo ?? true) && settings.HOST !== undefined && !isLoopback(settings.HOST),
      `HOST is ${shown(settings.HOST)}, where anyone in the network could sign in with the demo seed; it wants 127.0.0.1, or demo: false in grantor.yaml.`,
    ],
    [
      production && file.demo === true,
      'demo is true; in production it wants to be false or absent, since its passwords are public.',
    ],
  ]
  return rules.filter(([broken]) => broken).map(([, sentence]) => sentence)
}

function missingInProduction(settings: Settings, { file, found, name }: Opened, env: Environment): string[] {
  const rules: [boolean, string][] = [
    [
      settings.ISSUER === undefined && file.issuer === undefined,
      'ISSUER is missing; in production it wants the public https address, such as https://auth.example.com.',
    ],
    [
      !env.GRANTOR_ROOT_KEY && !env.GRANTOR_ROOT_KEY_FILE,
      `GRANTOR_ROOT_KEY is missing; in production it wants ${SETTINGS.GRANTOR_ROOT_KEY.wants}, and give it or GRANTOR_ROOT_KEY_FILE to every server.`,
    ],
    [
      !env.TRUST_PROXY,
      'TRUST_PROXY is missing; in production it wants the addresses or networks of the reverse proxies in front, such as 10.0.0.0/8, or none when browsers connect directly.',
    ],
    [
      !found,
      `GRANTOR_CONFIG is missing and there is no ${DEFAULT_FILE} here; in production it wants ${SETTINGS.GRANTOR_CONFIG.wants} (grantor.example.yaml is a start).`,
    ],
    [
      found && file.complete && file.clients.length === 0,
      `${name}: clients is empty; in production it wants at least one client, since without a client no token can be issued.`,
    ],
  ]
  return rules.filter(([broken]) => broken).map(([, sentence]) => sentence)
}

interface Decided extends Declarations {
  readonly production: boolean
  readonly issuer: string
  readonly cwd: string
  readonly demo: DemoSeed | undefined
  readonly privateHosts: readonly string[]
}

function assemble(settings: Settings, { file, folder, name, found }: Opened, decided: Decided): Config {
  const { production, issuer, cwd, demo, privateHosts, apis, clients, receivers, branding } = decided
  return {
    production,
    file: found ? resolve(folder, name) : undefined,
    issuer,
    host: required(settings.HOST),
    port: required(settings.PORT),
    opsHost: required(settings.OPS_HOST),
    opsPort: required(settings.OPS_PORT),
    dataDir: resolve(cwd, required(settings.DATA_DIR)),
    dataDirFreeBytes: settings.DATA_DIR_FREE_MB && settings.DATA_DIR_FREE_MB * 1024 * 1024,
    keysDir: resolve(cwd, required(settings.GRANTOR_KEYS_DIR)),
    redisUrl: settings.REDIS_URL,
    redisReplicas: settings.REDIS_REPLICAS,
    workers: required(settings.WORKERS),
    allowDelete: required(settings.GRANTOR_ALLOW_DELETE),
    stopDelaySeconds: required(settings.STOP_DELAY_SECONDS),
    logLevel: required(settings.LOG_LEVEL),
    trustProxy: settings.TRUST_PROXY ?? [],
    privateHosts,
    rootKey: settings.GRANTOR_ROOT_KEY,
    nextRootKey: settings.GRANTOR_ROOT_KEY_NEXT,
    keys: toKeyRules(file.keys),
    signer: toSignerRules(file.keys, folder),
    lifetimes: toLifetimes(file.lifetimes),
    logins: toLoginRules(file.logins, availableParallelism()),
    clientAuthentication: toClientAuthenticationRules(file.client_authentication),
    dpop: { requireNonce: file.dpop.require_nonce },
    fastPath: file.fast_path && file.shortcuts !== false,
    apis,
    defaultApi: file.default_api ?? file.apis[0]?.entry.audience ?? demo?.defaultApi,
    clients,
    receivers,
    branding,
    wellKnown: toWellKnown(file.well_known),
    demoAccounts: demo?.accounts ?? [],
  }
}

/** A setting with a default in the table. It is absent only when it was refused, and then this code does not run. */
function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('a setting with a default has no value')
  return value
}

function deepFreeze<Value>(value: Value): Value {
  // The bytes behind a typed array cannot be frozen.
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}
