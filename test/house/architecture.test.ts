/** The rules that ARCHITECTURE.md promises hold in src/, and each of them is seen when it is broken. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { architectureProblems } from './architecture.ts'
import { CONCEPTS } from './concepts.ts'
import { partOf } from './documents.ts'
import {
  COMPOSITION_ROOTS,
  EDGES,
  FOLDERS,
  GRANTS,
  KNOWING,
  layerTable,
  MODULE_STATE,
  USERS_OF_ASIDE,
} from './layers.ts'
import { usesIn } from './rules/capabilities.ts'
import { parseSource, readSources, type Source } from './rules/source.ts'
import { ROOT } from './root.ts'

const TREE = readSources(ROOT)
const file = (code: string) => `/** What it owns. */\n${code}\n`

describe('src/', () => {
  it('keeps every rule', () => {
    expect(architectureProblems(TREE)).toEqual([])
  })
})

/** The tree with one file more, or with lines added to a file that is there. */
function seeded(path: string, code: string): Source[] {
  const present = TREE.find((source) => source.path === path)
  const text = present === undefined ? file(code) : `${present.text}\n${code}\n`
  return [...TREE.filter((source) => source !== present), parseSource(path, text)]
}

describe('a violation seeded in the tree is named with file, rule and remedy', () => {
  it.each([
    ['clock', 'accounts/logins.ts', `import { systemClock } from '../base/clock.ts'`, 'Take a `Clock`'],
    ['network', 'accounts/seeded.ts', `export const ask = () => fetch('https://example.com')`, 'Take a function'],
    ['files', 'base/seeded.ts', `import { readFileSync } from 'node:fs'`, 'Take the content'],
    ['module state', 'limits/seeded.ts', 'const seen = new Map<string, number>()', 'Make it inside the function'],
    ['environment', 'clients/seeded.ts', 'const { env } = process', 'Declare a setting'],
    [
      'layers',
      'http/seeded.ts',
      `import { RedisStore } from '../store/redis/redis-store.ts'`,
      'Import what store/ offers',
    ],
    ['concepts', 'accounts/seeded.ts', `import type { IncomingMessage } from 'node:http'`, 'pass plain values'],
    ['packages', 'revocation/seeded.ts', `import { decodeJwt } from 'jose'`, 'jose belongs in'],
    [
      'composition',
      'http/seeded.ts',
      `import { createAudit } from '../audit/audit.ts'\nexport const audit = () => createAudit({} as never)`,
      'Take the part as an argument',
    ],
    [
      'type cycles',
      'base/seeded.ts',
      `import type { Other } from './other.ts'\nexport type Seeded = Other`,
      'Move what both need',
    ],
    [
      'layers',
      'store/seeded.ts',
      `import type { Audit } from '../audit/audit.ts'`,
      'move what both need to a lower layer',
    ],
    ['chance', 'apis/seeded.ts', 'export const draw = () => Math.random()', 'Use base/ids.ts'],
    ['timers', 'audit/seeded.ts', 'export const later = (work: () => void) => setTimeout(work, 1)', 'Let jobs/'],
    ['process', 'keyring/seeded.ts', 'export const stop = () => process.exit(1)', 'Report to the caller'],
    ['concepts', 'revocation/seeded.ts', `export const isToken = (typ: string) => typ === 'at+jwt'`, 'Take the claims'],
    ['names', 'http/seeded.ts', 'export class TokenManager {}', 'Name it for what it does'],
    ['places', 'plugins/seeded.ts', 'export const a = 1', 'Give the folder a row'],
    ['syntax', 'http/seeded.ts', 'export enum Kind { A }', 'Use a const object'],
    ['length', 'http/seeded.ts', 'export const a = 1\n'.repeat(301), 'Split it'],
    [
      'cycles',
      'base/seeded.ts',
      `import { other } from './other.ts'\nexport const seeded = other`,
      'Move what both need',
    ],
  ])('%s in %s', (rule, path, code, remedy) => {
    const other = parseSource(
      'base/other.ts',
      file(`export { seeded as other } from './seeded.ts'\nexport type Other = import('./seeded.ts').Seeded`),
    )
    const tree = rule.endsWith('cycles') ? [...seeded(path, code), other] : seeded(path, code)

    const problems = architectureProblems(tree)

    const named = problems.filter((problem) => problem.includes(`breaks the rule “${rule}”`))
    expect(named).toHaveLength(1)
    expect(named[0]).toMatch(/^src\/[\w./-]+/)
    expect(named[0]).toContain(rule.endsWith('cycles') ? 'base/seeded.ts' : path)
    expect(named[0]).toContain(remedy)
    // A concept is betrayed by a package that is not listed either.
    expect(problems.length).toBeLessThanOrEqual(2)
  })
})

describe('the rules', () => {
  const problemsOf = (files: Record<string, string>) =>
    architectureProblems(Object.entries(files).map(([path, code]) => parseSource(path, file(code))))

  it('find nothing in a small tree in order', () => {
    const files = {
      'app.ts': `import { a } from './http/a.ts'\nimport { s } from './store/s.ts'`,
      'main.ts': `import { app } from './app.ts'\nimport { environment } from './config/environment.ts'`,
      'http/a.ts': `import Koa from 'koa'\nimport { s } from '../store/s.ts'`,
      'store/s.ts': `import { b } from '../base/b.ts'\nimport { DatabaseSync } from 'node:sqlite'`,
      'base/b.ts': `// process.env and Date.now() are only named here\nexport const b = new Date(0)\nconst TABLE = new Map([['a', 1]])`,
      'config/environment/environment.ts': 'export const environment = () => process.env',
      'resource/index.ts': `import type { IncomingMessage } from 'node:http'\nimport { jwtVerify } from 'jose'`,
      'resource/ask.ts': 'export const ask = (fetch: (url: string) => void) => fetch("https://example.com")',
      'accounts/ask.ts': 'export const ask = (fetch: (url: string) => void) => fetch("https://example.com")',
      'samples/orders/main.ts': `import { createVerifier } from 'grantor/resource'\nconst port = process.env.PORT`,
    }

    expect(problemsOf(files)).toEqual([])
  })

  it('name a folder whose files need rooms', () => {
    const files = Array.from({ length: 14 }, (_, at) => [`store/s${at}.ts`, `export const s = ${at}`] as const)

    expect(problemsOf(Object.fromEntries(files.slice(1)))).toEqual([])
    expect(problemsOf(Object.fromEntries(files))).toEqual([expect.stringContaining('14 files at one level of store/')])
  })

  it.each([
    ['an import sideways', 'accounts/a.ts', `import { c } from '../clients/c.ts'`, 'sideways'],
    ['a type imported upwards', 'base/b.ts', `import type { C } from '../config/config.ts'`, 'upwards'],
    ['an import over several lines', 'base/b.ts', `import {\n  a,\n  b,\n} from '../store/s.ts'`, 'upwards'],
    ['a re-export upwards', 'base/b.ts', `export { a } from '../store/s.ts'`, 'upwards'],
    ['a dynamic import upwards', 'base/b.ts', `const s = await import('../store/s.ts')`, 'upwards'],
    ['a type in the middle of a line', 'base/b.ts', `type S = import('../store/s.ts').S`, 'upwards'],
    ['an entry imported', 'http/a.ts', `import { app } from '../app.ts'`, 'the entry app.ts'],
    ['an entry that composes', 'main.ts', `import { s } from './store/s.ts'`, 'Only composition roots'],
    ['an import without ending', 'base/b.ts', `import { a } from './a'`, 'without its ending'],
    ['koa as a value in resource/', 'resource/middleware/koa.ts', `import Koa from 'koa'`, 'koa belongs in http/'],
    ['koa for its side effect', 'apis/a.ts', `import 'koa'`, 'koa belongs in http/'],
    ['a file of oidc-provider', 'http/a.ts', `import x from 'oidc-provider/lib/x.js'`, 'oidc-provider belongs in'],
    [
      'the inside of engine/ used by http/',
      'http/a.ts',
      `import { b } from '../engine/build.ts'`,
      'internal to engine/',
    ],
    ['node:sqlite outside store/', 'cli/x.ts', `import { DatabaseSync } from 'node:sqlite'`, 'reads or writes files'],
    ['our code in resource/', 'resource/r.ts', `import { a } from '../base/a.ts'`, 'nothing of ours'],
    ['the verifier by path in samples/', 'samples/s.ts', `import { a } from '../resource/index.ts'`, 'nothing of ours'],
    [
      'resource/ used by a low layer',
      'store/a.ts',
      `import { a } from '../resource/index.ts'`,
      'for others to install',
    ],
    ['process.env', 'http/a.ts', 'const port = process.env.PORT', 'reads the environment'],
    ['process.env by its text', 'http/a.ts', `const port = process['env'].PORT`, 'reads the environment'],
    ['env of globalThis.process', 'http/a.ts', 'const port = globalThis.process.env.PORT', 'reads the environment'],
    ['env from node:process', 'http/a.ts', `import { env } from 'node:process'`, 'reads the environment'],
    ['Date.now', 'accounts/a.ts', 'const now = Date.now()', 'reads the clock by Date.now'],
    ['Date.now handed on', 'accounts/a.ts', 'export const start = (clock = Date.now) => clock()', 'by Date.now'],
    ['new Date()', 'accounts/a.ts', 'const now = new Date()', 'reads the clock by new Date()'],
    ['performance.now', 'accounts/a.ts', 'const now = performance.now()', 'reads the clock by performance'],
    ['fetch as a default', 'accounts/a.ts', 'export const ask = (how = fetch) => how("x")', 'uses the network'],
    ['fetch of globalThis', 'accounts/a.ts', 'export const ask = () => globalThis.fetch("x")', 'uses the network'],
    ['a server of node:http', 'accounts/a.ts', `import { createServer } from 'node:net'`, 'uses the network'],
    ['a let', 'http/a.ts', 'let current = 1', 'keeps current for the whole process'],
    [
      'a container that grows',
      'http/a.ts',
      'const all = new Set(["a"])\nexport const grow = () => all.add("b")',
      'keeps all',
    ],
    [
      'a list that grows',
      'http/a.ts',
      'const all: string[] = []\nexport const grow = () => all.push("b")',
      'keeps all',
    ],
    [
      'a record that changes',
      'http/a.ts',
      'const all = { a: 1 }\nexport const grow = () => { all.a = 2 }',
      'keeps all',
    ],
    ['an object made once', 'http/a.ts', 'const all = new Cache()', 'keeps all'],
    ['a static field', 'http/a.ts', 'export class A { static count = 0 }', 'keeps static count'],
    [
      'a changed global',
      'http/a.ts',
      'export const patch = () => { Error.stackTraceLimit = 0 }',
      'changes Error.stackTraceLimit',
    ],
    ['an index.ts', 'http/index.ts', 'export const a = 1', 'is an index.ts'],
    ['a default export', 'http/a.ts', 'export default function a() {}', 'default export'],
    ['a default export by name', 'http/a.ts', 'const a = 1\nexport { a as default }', 'default export'],
    ['an attic', 'http/utils/a.ts', 'export const a = 1', 'says nothing'],
    ['a file beside the entries', 'token.ts', 'export const a = 1', 'stands beside the entries'],
    ['a name in camelCase', 'http/loginPage.ts', 'export const a = 1', 'kebab-case'],
  ])('see %s', (_, path, code, complaint) => {
    const problems = problemsOf({ [path]: code })

    expect(problems.filter((problem) => problem.startsWith(`src/${path}`)).join('\n')).toContain(complaint)
  })

  it('see a file without an opening comment', () => {
    const problems = architectureProblems([parseSource('http/a.ts', 'export const a = 1\n')])

    expect(problems).toEqual([expect.stringContaining('Say in one sentence what the file owns.')])
  })

  it('see every pair of folders imported against the layers', () => {
    const layered = Object.entries(FOLDERS).filter(([, { layer }]) => layer !== 'aside')
    const wrongWays = layered.flatMap(([from, own]) =>
      layered.filter(([to, other]) => from !== to && own.layer <= other.layer).map(([to]) => [from, to]),
    )
    const files = Object.fromEntries(
      wrongWays.map(([from, to]) => [`${from}/to-${to}.ts`, `import { a } from '../${to}/a.ts'`]),
    )

    const ofLayers = problemsOf(files).filter((problem) => problem.includes('“layers”'))
    expect(ofLayers).toHaveLength(wrongWays.length)
  })

  it.each(
    Object.entries(CONCEPTS).flatMap(([concept, { packages = [] }]: [string, { packages?: readonly string[] }]) =>
      packages.map((name) => [concept, name]),
    ),
  )('know %s by the package %s', (concept, name) => {
    const folders = Object.keys(FOLDERS).filter((folder) => FOLDERS[folder]?.mustNotKnow.some((one) => one === concept))
    const files = Object.fromEntries(folders.map((folder) => [`${folder}/a.ts`, `import type { A } from '${name}'`]))

    expect(problemsOf(files).filter((problem) => problem.includes(`knows ${concept} `))).toHaveLength(folders.length)
  })
})

describe('the table of layers', () => {
  it('stands in ARCHITECTURE.md as the data has it: node test/house/write-docs.ts', () => {
    expect(partOf(readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8'), 'layers')).toBe(layerTable())
  })

  it('has a row for each folder of src/, and no other', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())

    expect(Object.keys(FOLDERS).toSorted()).toEqual(folders.map(({ name }) => name).toSorted())
  })
})

describe('an exception', () => {
  const usedBy = (path: string) => TREE.filter((source) => source.path === path).flatMap(usesIn)

  it.each(GRANTS.flatMap(({ file: path, may }) => may.map((capability) => [path, capability])))(
    '%s may use %s, and does',
    (path, capability) => {
      expect(usedBy(path).map((use) => use.capability)).toContain(capability)
    },
  )

  it.each([...GRANTS, ...COMPOSITION_ROOTS, ...EDGES, ...KNOWING, ...MODULE_STATE])(
    'for $file has a reason and a file',
    ({ file: path, because }) => {
      expect(because.length).toBeGreaterThan(10)
      expect(TREE.map((source) => source.path)).toContain(path)
    },
  )

  it.each(Object.entries(FOLDERS).flatMap(([folder, { may = [] }]) => may.map((capability) => [folder, capability])))(
    'for all of %s/ is used: %s',
    (folder, capability) => {
      const uses = TREE.filter((source) => source.folder === folder).flatMap(usesIn)

      expect(uses.map((use) => use.capability)).toContain(capability)
    },
  )

  it.each(Object.entries(FOLDERS).flatMap(([folder, { packages = [] }]) => packages.map((name) => [folder, name])))(
    'for a package is used: %s/ imports %s',
    (folder, name) => {
      const imports = TREE.filter((source) => source.folder === folder).flatMap((source) => source.imports)

      expect(imports.map((one) => one.package)).toContain(name)
    },
  )

  it('for what is built for others is used by each folder that it names', () => {
    for (const [aside, users] of Object.entries(USERS_OF_ASIDE)) {
      const using = TREE.filter(({ imports }) => imports.some((one) => one.file?.startsWith(`${aside}/`)))
      for (const user of users) expect(using.map(({ folder }) => folder)).toContain(user)
    }
  })
})
