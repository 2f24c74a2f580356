/**
 * The checker behind floors.test.ts: reads the sources under a root and says, sentence by sentence, which rule of
 * ARCHITECTURE.md is broken where. It reads text, not syntax trees: the shape of an import is plain enough for that.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** The height of each folder of src/; those of one height know nothing of each other. */
export const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  config: 1,
  store: 2,
  audit: 3,
  metrics: 3,
  limits: 3,
  accounts: 4,
  clients: 4,
  apis: 4,
  keyring: 4,
  grants: 5,
  revocation: 6,
  engine: 7,
  http: 8,
  cli: 8,
  jobs: 8,
}

/** Built for others to take away: they know nothing of the floors. */
const ASIDE = ['resource', 'testing', 'samples']
/** Who may use what is built to be taken away: the server reads revocations, and guards its own API, as any API would. */
const USERS_OF: Readonly<Record<string, readonly string[]>> = {
  resource: ['grants', 'revocation', 'engine', 'http', 'cli', 'testing'],
}
const ENTRIES = ['app.ts', 'main.ts', 'cli.ts']

/** The few edges that go against the floors, each with its reason. */
const ALLOWED_EDGES: Readonly<Record<string, string>> = {
  'cli/start.ts main.ts': 'the command is the server under another name',
}

/** Where a package may be imported; a folder with `(type)` only as a type. */
const FENCED: Readonly<Record<string, readonly string[]>> = {
  koa: ['http', 'samples', 'resource (type)'],
  '@koa/router': ['http', 'samples'],
  express: ['samples', 'resource (type)'],
  'oidc-provider': ['engine'],
  ioredis: ['store'],
  'node:sqlite': ['store'],
  commander: ['cli', 'cli.ts'],
  ejs: ['http'],
  '@node-rs/argon2': ['accounts'],
  pino: ['audit'],
  yaml: ['config'],
}

/** What `resource/` may import beside node: an API installs nothing else. */
const RESOURCE_PACKAGES = ['jose', 'koa', 'express']

/** Who may read the real clock or draw plain random numbers, and why; a folder ends with a slash. */
export const CLOCK_READERS: Readonly<Record<string, string>> = {
  'base/clock.ts': 'it is the clock',
  'resource/verifier.ts': 'the default of its clock argument; it may import nothing of ours',
  'samples/': 'programs of others, which run by the real clock and know nothing of ours',
}

/** Long because they are tables, not logic. */
const TABLES: readonly string[] = ['base/faults.ts']

const LONGEST_FILE = 300
const FORBIDDEN_FOLDERS = [
  'utils',
  'util',
  'helpers',
  'common',
  'shared',
  'lib',
  'types',
  'services',
  'managers',
  'misc',
]

interface Source {
  /** Below src/, with forward slashes. */
  readonly path: string
  readonly text: string
  /** Without lines of comment, for rules about what the code does. */
  readonly code: string
}

interface Import {
  readonly from: string
  readonly typeOnly: boolean
}

/** Every broken rule under `root` (the folder that holds src/), as sentences that begin with the file. */
export function floorProblems(root: string): string[] {
  const sources = readSources(join(root, 'src'))
  return sources.flatMap((source) =>
    [...RULES].flatMap((rule) => rule(source).map((sentence) => `${source.path} ${sentence}`)),
  )
}

const RULES: readonly ((source: Source) => string[])[] = [
  inAKnownPlace,
  importsDownOnly,
  keepsFences,
  readsNoHiddenInput,
  exportsByName,
  keepsNoModuleState,
  opensWithAComment,
  isShort,
]

function inAKnownPlace({ path }: Source): string[] {
  const folder = folderOf(path)
  const folders = path.split('/').slice(0, -1)
  return [
    ...folders
      .filter((name) => FORBIDDEN_FOLDERS.includes(name))
      .map((name) => `stands in "${name}/", a name that tells nothing`),
    ...(folder === '' && !ENTRIES.includes(path)
      ? [`stands beside the entries ${ENTRIES.join(', ')}; it belongs in a folder`]
      : []),
    ...(folder !== '' && FLOORS[folder] === undefined && !ASIDE.includes(folder)
      ? [`stands in "${folder}/", which is no floor`]
      : []),
    ...(path.endsWith('/index.ts') && path !== 'resource/index.ts'
      ? ['is an index.ts; only the published resource/ has one']
      : []),
    ...(/(^|\/)[^/]*[A-Z_][^/]*\.ts$/.test(path) ? ['is not in kebab-case'] : []),
  ]
}

function importsDownOnly(source: Source): string[] {
  return importsOf(source).flatMap(({ from }) => {
    if (!from.startsWith('.')) return []
    if (!/\.(ts|json)$/.test(from)) return [`imports ${from} without its ending`]
    const target = normalize(join(dirname(source.path), from)).replaceAll('\\', '/')
    if (target.startsWith('..') || `${source.path} ${target}` in ALLOWED_EDGES) return []
    return edgeProblem(source.path, target)
  })
}

function edgeProblem(path: string, target: string): string[] {
  const [own, other] = [folderOf(path), folderOf(target)]
  if (own === '') return entryProblem(path, target)
  if (own === other) return []
  if (USERS_OF[other]?.includes(own)) return []
  if (own === 'testing') return []
  if (ASIDE.includes(own)) return [`imports ${target}; ${own}/ knows nothing of ours`]
  if (ASIDE.includes(other)) return [`imports ${target}; ${other}/ is for others to take away`]
  if (other === '') return [`imports ${target}, an entry`]
  const [from, to] = [FLOORS[own] ?? -1, FLOORS[other] ?? 99]
  if (from > to) return []
  return [`imports ${target}, ${from === to ? 'sideways' : 'upwards'}`]
}

/** Only app.ts knows the parts; the other entries know app.ts, their own folder and the ground floors. */
function entryProblem(path: string, target: string): string[] {
  if (path === 'app.ts') return ['main.ts', 'cli.ts'].includes(target) ? [`imports ${target}, an entry`] : []
  const reach =
    { 'main.ts': ['', 'base', 'config', 'audit', 'http'], 'cli.ts': ['', 'base', 'config', 'cli'] }[path] ?? []
  return reach.includes(folderOf(target)) ? [] : [`imports ${target}; only app.ts composes`]
}

function keepsFences(source: Source): string[] {
  const folder = folderOf(source.path) || source.path
  return importsOf(source).flatMap(({ from, typeOnly }) => {
    if (from.startsWith('.') || from.startsWith('#')) return []
    const name = packageOf(from)
    if (folder === 'resource' && !name.startsWith('node:') && !RESOURCE_PACKAGES.includes(name))
      return [`imports ${from}; resource/ needs nothing but jose`]
    const fence = FENCED[name]
    if (fence === undefined || fence.includes(folder) || (typeOnly && fence.includes(`${folder} (type)`))) return []
    return [`imports ${from}, which belongs in ${fence.join(', ')}`]
  })
}

function readsNoHiddenInput(source: Source): string[] {
  const { path, code } = source
  const mayReadEnvironment = path === 'config/environment.ts' || /^samples\/(.*\/)?main\.ts$/.test(path)
  const clock = Object.keys(CLOCK_READERS).some((reader) => path.startsWith(reader))
    ? []
    : [...code.matchAll(/\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\.now\b/g)]
  return [
    ...(!mayReadEnvironment &&
    /\bprocess\s*(\.env\b|\[\s*['"]env)|\benv\b[^;\n]*from ['"](node:)?process['"]/.test(code)
      ? ['reads process.env; config/environment.ts does']
      : []),
    ...clock.map(([read]) => `reads ${read}; a clock is an argument and chance comes from base/ids.ts`),
  ]
}

function exportsByName({ code }: Source): string[] {
  return [
    ...(/^export default\b|\bas default\b/m.test(code)
      ? ['has a default export; a thing has one name everywhere']
      : []),
    ...[
      ...code.matchAll(/^export .*\b(?:class|interface|type|function|const) (\w*(?:Manager|Service|Processor))\b/gm),
    ].map(([, name]) => `exports ${name}, a name that hedges`),
    ...[...code.matchAll(/^(?:export )?(?:const )?(?:enum|namespace) (\w+)/gm)].map(
      ([, name]) => `declares ${name} in syntax that Node cannot strip`,
    ),
  ]
}

function keepsNoModuleState({ code }: Source): string[] {
  return [...code.matchAll(/^(?:export )?(?:let|var) (\w+)/gm)].map(
    ([, name]) => `keeps ${name} for the whole process; two servers must fit into one`,
  )
}

function opensWithAComment({ text }: Source): string[] {
  return text.replace(/^#!.*\n/, '').startsWith('/**')
    ? []
    : ['does not open with a doc comment that says what it owns']
}

function isShort({ path, text }: Source): string[] {
  const lines = text.split('\n').length - 1
  return lines <= LONGEST_FILE || TABLES.includes(path)
    ? []
    : [`has ${lines} lines, more than ${LONGEST_FILE}, and is no table`]
}

/** Imports and re-exports, static and dynamic. A line of comment never begins with one of these words. */
export function importsOf({ code }: Pick<Source, 'code'>): Import[] {
  const statics = code.matchAll(
    /^\s*(?:import|export)\s+(type\s+)?(?:[\w$*]+(?:\s+as\s+[\w$]+)?\s*,?\s*)?(\{[^}]*\})?\s*from\s*['"]([^'"]+)['"]/gm,
  )
  const bare = code.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm)
  const dynamic = code.matchAll(/\b(?:import|require)\(\s*['"]([^'"]+)['"]/g)
  return [
    ...[...statics].map(([, type, names, from = '']) => ({ from, typeOnly: type !== undefined || allTypes(names) })),
    ...[...bare, ...dynamic].map(([, from = '']) => ({ from, typeOnly: false })),
  ]
}

function allTypes(names: string | undefined): boolean {
  const list =
    names
      ?.replace(/[{}]/g, '')
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean) ?? []
  return list.length > 0 && list.every((name) => name.startsWith('type '))
}

function readSources(src: string): Source[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .map((path) => {
      const text = readFileSync(join(src, path), 'utf8')
      return { path, text, code: withoutComments(text) }
    })
}

/** Whole lines of comment, and what follows ` // ` on a line; enough, since the formatter decides how comments stand. */
function withoutComments(text: string): string {
  return text
    .replace(/^\s*\/\*[\s\S]*?\*\//gm, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/\s\/\/ .*$/gm, '')
}

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : ''
}

function packageOf(from: string): string {
  if (from.startsWith('node:')) return from
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')
}
