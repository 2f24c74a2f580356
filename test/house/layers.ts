/**
 * The architecture as data: one row a folder of src/. The rules in rules/ read it, and the table of ARCHITECTURE.md is
 * printed from it, so the page promises exactly what the test holds.
 */

import type { Concept } from './concepts.ts'

/** Everything that reaches outside the process or makes two runs differ. A folder has none of them unless it is listed. */
export const CAPABILITIES = {
  clock: 'reads the clock',
  chance: 'draws unrepeatable numbers',
  timers: 'sets timers',
  network: 'uses the network',
  files: 'reads or writes files',
  environment: 'reads the environment',
  process: 'controls the process',
} as const

export type Capability = keyof typeof CAPABILITIES

export interface Folder {
  /** A file imports from its own folder and from lower layers. `aside` is built for others to install or to read. */
  readonly layer: number | 'aside'
  readonly owns: string
  readonly mustNotKnow: readonly Concept[]
  /** npm packages that it may import. */
  readonly packages?: readonly string[]
  /** What every file of the folder may do. A single file is granted more in `GRANTS`. */
  readonly may?: readonly Capability[]
  /** Files or folders inside that no other folder imports. */
  readonly internal?: readonly string[]
  /** The only files that other folders import. */
  readonly offers?: readonly string[]
  /** Imports from every folder: it starts the server inside a test. */
  readonly startsServer?: true
}

export const FOLDERS: Readonly<Record<string, Folder>> = {
  http: {
    layer: 12,
    owns: 'Koa, the pages, the revocation feed, the operator’s port',
    mustNotKnow: ['the engine', 'kinds of store'],
    packages: ['koa', '@koa/router', 'ejs', 'zod', 'jose'],
    may: ['network', 'timers'],
  },
  jobs: {
    layer: 12,
    owns: 'what runs on a clock: the key schedule, pushing revocations',
    mustNotKnow: ['the engine', 'kinds of store'],
    may: ['network', 'timers'],
  },
  cli: {
    layer: 12,
    owns: 'the command `grantor`, one command a file',
    mustNotKnow: ['HTTP types', 'the engine', 'kinds of store'],
    packages: ['commander', 'jose'],
  },
  engine: {
    layer: 11,
    owns: 'all talk with `oidc-provider`: adapter, configuration by feature, routes',
    mustNotKnow: ['Koa', 'kinds of store'],
    packages: ['oidc-provider'],
    offers: ['port.ts'],
  },
  revocation: {
    layer: 9,
    owns: 'the one function by which access ends, the revocation log in memory, security events',
    mustNotKnow: ['HTTP types', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  grants: {
    layer: 8,
    owns: 'what people have agreed to, the grants and sessions they hold, the moments before which nothing counts',
    mustNotKnow: ['HTTP types', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  registration: {
    layer: 10,
    owns: 'changes of clients and APIs: by a file (plan, apply) and one at a time, and what follows from each',
    mustNotKnow: ['HTTP types', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  records: {
    layer: 6,
    owns: 'the sealed records of clients and APIs, and the log that tells every server of a change',
    mustNotKnow: ['HTTP types', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  accounts: {
    layer: 7,
    owns: 'people, passwords, sign-in',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine', 'kinds of store'],
    packages: ['@node-rs/argon2', '@zxcvbn-ts/language-common'],
  },
  clients: {
    layer: 7,
    owns: 'the applications, their secrets',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  apis: {
    layer: 7,
    owns: 'audiences, scopes, token formats',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  keyring: {
    layer: 7,
    owns: 'the root key, the sealed ring of signing keys and its schedule',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'the engine', 'kinds of store'],
    packages: ['jose'],
  },
  audit: {
    layer: 5,
    owns: 'the log and the audit trail',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine', 'kinds of store'],
    packages: ['pino', 'pino-pretty'],
  },
  limits: {
    layer: 5,
    owns: 'counting attempts',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine', 'kinds of store'],
    packages: ['ipaddr.js'],
  },
  store: {
    layer: 4,
    owns: 'the contract, its makers, every key name',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine'],
    packages: ['ioredis'],
    may: ['files', 'network', 'timers'],
    internal: ['redis/', 'embedded/'],
  },
  config: {
    layer: 3,
    owns: 'the environment and grantor.yaml, as one frozen Config',
    mustNotKnow: ['HTTP types', 'how a token looks on the wire', 'the engine', 'kinds of store'],
    packages: ['zod', 'js-yaml'],
  },
  i18n: {
    layer: 2,
    owns: 'what people and programs are told, a folder a language: a sentence for each fault, by code and reason',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  registry: {
    layer: 2,
    owns: 'what a client and an API are: schema, defaults, rules, references; one rule set for every way to declare them',
    mustNotKnow: ['HTTP types', 'how a token looks on the wire', 'the engine', 'kinds of store'],
    packages: ['zod', '@zxcvbn-ts/language-common'],
  },
  base: {
    layer: 1,
    owns: 'clock, ids, durations, sealing',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  faults: {
    layer: 0,
    owns: 'what can go wrong through no mistake of the programmer: a file a domain, a class a state, with code, status and reasons; no sentences for people',
    mustNotKnow: ['HTTP types', 'OAuth parameters', 'how a token looks on the wire', 'the engine', 'kinds of store'],
  },
  resource: {
    layer: 'aside',
    owns: '`grantor/resource`: what an API installs; needs only jose',
    mustNotKnow: ['the engine', 'kinds of store'],
    packages: ['jose'],
    may: ['network', 'timers'],
  },
  testing: {
    layer: 'aside',
    owns: '`grantor/testing`: a whole server inside a test, a clock to move, good tokens and bad ones',
    mustNotKnow: ['the engine', 'kinds of store'],
    packages: ['jose'],
    may: ['network', 'files', 'timers'],
    startsServer: true,
  },
  samples: {
    layer: 'aside',
    owns: 'programs as users of the server write them',
    mustNotKnow: ['the engine', 'kinds of store'],
    packages: ['express', 'fastify', 'koa', 'openid-client', 'grantor'],
    may: ['clock', 'network', 'files', 'environment', 'timers', 'process'],
  },
}

export interface Entry {
  /** The folders it may import from; `everything` makes it a composition root. */
  readonly imports: 'everything' | readonly string[]
  readonly may: readonly Capability[]
}

/** The files directly in src/. */
export const ENTRIES: Readonly<Record<string, Entry>> = {
  'core.ts': { imports: 'everything', may: ['clock'] },
  'app.ts': { imports: 'everything', may: ['clock'] },
  'main.ts': { imports: ['', 'faults', 'base', 'i18n', 'config', 'audit', 'http'], may: ['process', 'timers'] },
  'cli.ts': { imports: ['', 'base', 'config', 'cli'], may: ['process'] },
}

interface Exception {
  readonly file: string
  readonly because: string
}

/** What one file may do although its folder may not. */
export const GRANTS: readonly (Exception & { readonly may: readonly Capability[] })[] = [
  { file: 'base/clock.ts', may: ['clock'], because: 'it is the clock' },
  {
    file: 'base/spare-memory.ts',
    may: ['process', 'timers'],
    because: 'it returns the memory of a process that is idle',
  },
  {
    file: 'config/environment/environment.ts',
    may: ['environment'],
    because: 'every other file is handed what it returns',
  },
  { file: 'config/load-config.ts', may: ['files'], because: 'it reads grantor.yaml and the files of secrets' },
  { file: 'audit/log-output.ts', may: ['clock', 'timers'], because: 'it writes log lines before any part exists' },
  { file: 'limits/stranger-records.ts', may: ['clock'], because: 'its counts drain by the monotonic clock' },
  { file: 'clients/web-origins.ts', may: ['clock'], because: 'default of the monotonic clock argument' },
  { file: 'apis/apis.ts', may: ['timers'], because: 'it reads an API again when the store was away' },
  {
    file: 'records/registry-log.ts',
    may: ['clock', 'timers'],
    because: 'it ends the changes of a writer that died; default of the monotonic clock argument',
  },
  {
    file: 'registration/declarations.ts',
    may: ['timers'],
    because: 'it waits while another server applies its file',
  },
  { file: 'keyring/keyring.ts', may: ['timers'], because: 'it reads the ring again when the log told of nothing' },
  { file: 'keyring/root-key.ts', may: ['files'], because: 'in development the root key is a file' },
  {
    file: 'keyring/external-signer/external-signer.ts',
    may: ['timers'],
    because: 'a signature that does not come in time is refused',
  },
  {
    file: 'keyring/external-signer/socket.ts',
    may: ['network'],
    because: 'it speaks with the process that holds the keys',
  },
  { file: 'store/embedded/embedded-store.ts', may: ['clock'], because: 'default of the monotonic clock argument' },
  { file: 'store/redis/redis-store.ts', may: ['clock'], because: 'default of the monotonic clock argument' },
  {
    file: 'store/redis/archive.ts',
    may: ['clock'],
    because: 'a connection of a command, which has no clock of its own',
  },
  { file: 'store/identity/guarded-store.ts', may: ['clock'], because: 'default of the monotonic clock argument' },
  {
    file: 'engine/configuration/outgoing-requests.ts',
    may: ['network'],
    because: 'it fetches the keys of clients where the engine would, and logs why it could not',
  },
  {
    file: 'engine/documents.ts',
    may: ['network'],
    because: 'it asks the engine for its documents over a socket that is never opened',
  },
  { file: 'engine/overrides/dates/id-token-dates.ts', may: ['clock'], because: 'it tells our clock from the system’s' },
  { file: 'http/listener/connections.ts', may: ['clock'], because: 'it measures how long a connection is silent' },
  {
    file: 'http/listener/file-limit.ts',
    may: ['files'],
    because: 'the kernel tells the limit of open files in a file',
  },
  { file: 'http/workers/stop-orders.ts', may: ['process'], because: 'it takes the signals' },
  { file: 'http/workers/supervisor.ts', may: ['clock', 'process'], because: 'it starts and watches the workers' },
  { file: 'http/pages/assets.ts', may: ['files'], because: 'it reads styles and scripts once, at the start' },
  { file: 'http/pages/views.ts', may: ['files'], because: 'it reads the templates once, at the start' },
  { file: 'cli/backup/backup.ts', may: ['files'], because: 'it removes a backup that was not finished' },
  {
    file: 'cli/config/config.ts',
    may: ['files'],
    because: 'a check makes no embedded store, so it looks whether there is one',
  },
  { file: 'cli/error/error.ts', may: ['files'], because: 'a command may name the log of the server' },
  { file: 'cli/version.ts', may: ['files'], because: 'the version stands in package.json' },
  { file: 'cli/declarations/declared-file.ts', may: ['files'], because: 'a command may name another grantor.yaml' },
  { file: 'cli/terminal/assignments.ts', may: ['files'], because: 'a command may name a file that holds a secret' },
  { file: 'cli/terminal/issuer.ts', may: ['network'], because: 'it asks a running server' },
  { file: 'cli/keys/verify.ts', may: ['timers'], because: 'it asks running servers until all have the key' },
  { file: 'cli/backup/stored.ts', may: ['timers'], because: 'it waits to see whether a server runs on the store' },
  { file: 'cli/terminal/terminal.ts', may: ['clock'], because: 'it is the surroundings of a command' },
  {
    file: 'resource/verifier.ts',
    may: ['clock'],
    because: 'default of its clock argument; it imports nothing of ours',
  },
  { file: 'testing/held-clock.ts', may: ['clock'], because: 'a test moves it from the present on' },
]

/** Files that make parts of several folders. Every other file is handed its parts. */
export const COMPOSITION_ROOTS: readonly Exception[] = [
  { file: 'main.ts', because: 'the log is there before the app, to say why it does not start' },
  { file: 'engine/build.ts', because: 'it composes one engine for one version of the key ring' },
  { file: 'revocation/security-events/signer.ts', because: 'it makes a signer for each version of the key ring' },
  {
    file: 'registration/open-registry.ts',
    because: 'servers and commands open clients and APIs alike',
  },
  { file: 'cli/domain.ts', because: 'a command opens a store and the core on it' },
  { file: 'cli/backup/stored.ts', because: 'backup and restore open a store without a domain' },
  { file: 'cli/token/own-token.ts', because: 'a command verifies one token without an engine' },
  { file: 'cli/config/config.ts', because: 'a check sees whether the store of the settings can be used' },
]

/** Imports against the layers. */
export const EDGES: readonly (Exception & { readonly imports: string })[] = [
  { file: 'cli/domain.ts', imports: 'core.ts', because: 'commands work on the same core as the server' },
  { file: 'cli/start.ts', imports: 'main.ts', because: 'the command is the server under another name' },
]

/** What is built for others to install, and may be used by the server as by any API. */
export const USERS_OF_ASIDE: Readonly<Record<string, readonly string[]>> = {
  resource: ['grants', 'revocation', 'engine', 'http'],
}

/** Module-level objects that change. */
/** Files that know a concept which their folder does not. */
export const KNOWING: readonly (Exception & { readonly knows: Concept })[] = [
  {
    file: 'registry/api/rules.ts',
    knows: 'how a token looks on the wire',
    because: 'the type of an access token is a setting, with the values that stand in its header',
  },
]

export const MODULE_STATE: readonly (Exception & { readonly name: string })[] = [
  { file: 'base/ids.ts', name: 'draw', because: 'a stock of random bytes, of which each is given out once' },
  { file: 'engine/request/scope.ts', name: 'pageScopes', because: 'it holds a value a request, never one a server' },
  {
    file: 'engine/request/errors.ts',
    name: 'Error.captureStackTrace',
    because: 'only in a process that is the server’s own',
  },
  {
    file: 'engine/request/errors.ts',
    name: 'Error.stackTraceLimit',
    because: 'put back before the constructor returns',
  },
  { file: 'samples/demo.ts', name: 'stopped', because: 'a program that runs once' },
]

export const FORM = {
  longestFile: 300,
  /** At one level of a folder. */
  mostFiles: 13,
  /** Folder names that say nothing about what is inside. */
  attics: ['utils', 'util', 'helpers', 'common', 'shared', 'lib', 'types', 'services', 'managers', 'misc'],
  /** The only index.ts: where a package is published. */
  indexes: ['resource/index.ts'],
  hedges: /^\w+(?:Manager|Service|Processor)$/,
} as const

/** The layer table of ARCHITECTURE.md. */
export function layerTable(): string {
  const height = ({ layer }: Folder) => (layer === 'aside' ? -1 : layer)
  const folders = Object.entries(FOLDERS).toSorted(([, a], [, b]) => height(b) - height(a))
  const rows = folders.map(([name, folder]) => {
    const { layer, owns, mustNotKnow, packages = [], may = [] } = folder
    return [
      layer === 'aside' ? '–' : String(layer),
      `\`${name}/\``,
      owns,
      mustNotKnow.join(', '),
      packages.join(', '),
      may.join(', '),
    ]
  })
  const lines = rows.map((cells) => `| ${cells.join(' | ')} |`)
  return [
    '| layer | folder of src/ | owns | must not know | packages | may use |',
    '|---:|---|---|---|---|---|',
    ...lines,
  ].join('\n')
}
