/** The house rules of ARCHITECTURE.md hold in src/, and the checker that says so can see each of them broken. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'

import { CLOCK_READERS, FLOORS, floorProblems } from './floors.ts'
import { ROOT } from './root.ts'

const OPENING = '/** What it owns. */\n'

describe('the house', () => {
  it('keeps every rule of the floors', () => {
    expect(floorProblems(ROOT)).toEqual([])
  })
})

describe('the checker', () => {
  const made: string[] = []
  afterEach(() => {
    for (const root of made.splice(0)) rmSync(root, { recursive: true })
  })

  function house(files: Record<string, string>): string[] {
    const root = mkdtempSync(join(tmpdir(), 'grantor-house-'))
    made.push(root)
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, 'src', path)), { recursive: true })
      writeFileSync(join(root, 'src', path), text)
    }
    return floorProblems(root)
  }

  const file = (code: string) => `${OPENING}${code}\n`

  it('finds nothing in a house in order', () => {
    const files = {
      'app.ts': file(`import { a } from './http/a.ts'\nimport { s } from './store/s.ts'`),
      'main.ts': file(`import { app } from './app.ts'\nimport { environment } from './config/environment.ts'`),
      'http/a.ts': file(`import Koa from 'koa'\nimport { s } from '../store/s.ts'`),
      'store/s.ts': file(`import { b } from '../base/b.ts'\nimport { DatabaseSync } from 'node:sqlite'`),
      'base/b.ts': file(`// process.env and Date.now() are only named here\nexport const b = new Date(0)`),
      'config/environment.ts': file('export const environment = () => process.env'),
      'resource/index.ts': file(`import type { Middleware } from 'koa'\nimport { jwtVerify } from 'jose'`),
      'samples/orders/main.ts': file(
        `import { createVerifier } from 'grantor/resource'\nconst port = process.env.PORT`,
      ),
    }

    expect(house(files)).toEqual([])
  })

  it.each([
    ['an import upwards', 'store/s.ts', `import { a } from '../http/a.ts'`, 'upwards'],
    ['an import sideways', 'accounts/a.ts', `import { c } from '../clients/c.ts'`, 'sideways'],
    ['a type imported upwards', 'base/b.ts', `import type { C } from '../config/config.ts'`, 'upwards'],
    ['an import over several lines', 'base/b.ts', `import {\n  a,\n  b,\n} from '../store/s.ts'`, 'upwards'],
    ['a re-export upwards', 'base/b.ts', `export { a } from '../store/s.ts'`, 'upwards'],
    ['a dynamic import upwards', 'base/b.ts', `const s = await import('../store/s.ts')`, 'upwards'],
    ['an entry imported', 'http/a.ts', `import { app } from '../app.ts'`, 'an entry'],
    ['a second composition root', 'main.ts', `import { s } from './store/s.ts'`, 'only app.ts composes'],
    ['an import without ending', 'base/b.ts', `import { a } from './a'`, 'without its ending'],
    ['koa outside http/', 'engine/p.ts', `import Koa from 'koa'`, 'belongs in http'],
    ['koa as a value in resource/', 'resource/koa.ts', `import Koa from 'koa'`, 'belongs in http'],
    ['koa for its side effect', 'revocation/a.ts', `import 'koa'`, 'belongs in http'],
    ['oidc-provider outside engine/', 'http/a.ts', `import { Provider } from 'oidc-provider'`, 'belongs in engine'],
    ['a file of oidc-provider', 'http/a.ts', `import x from 'oidc-provider/lib/x.js'`, 'belongs in engine'],
    ['ioredis outside store/', 'limits/l.ts', `import { Redis } from 'ioredis'`, 'belongs in store'],
    ['node:sqlite outside store/', 'cli/x.ts', `import { DatabaseSync } from 'node:sqlite'`, 'belongs in store'],
    ['a foreign package in resource/', 'resource/r.ts', `import { z } from 'zod'`, 'nothing but jose'],
    ['our code in resource/', 'resource/r.ts', `import { a } from '../base/a.ts'`, 'knows nothing of ours'],
    [
      'the verifier by path in samples/',
      'samples/s.ts',
      `import { a } from '../resource/index.ts'`,
      'knows nothing of ours',
    ],
    ['resource/ used by a low floor', 'store/a.ts', `import { a } from '../resource/index.ts'`, 'take away'],
    ['process.env', 'http/a.ts', 'const port = process.env.PORT', 'reads process.env'],
    ['env from node:process', 'http/a.ts', `import { env } from 'node:process'`, 'reads process.env'],
    ['Date.now', 'accounts/a.ts', 'const now = Date.now()', 'reads Date.now'],
    ['new Date()', 'accounts/a.ts', 'const now = new Date()', 'reads new Date()'],
    ['Math.random', 'accounts/a.ts', 'const id = Math.random()', 'reads Math.random'],
    ['an index.ts', 'http/index.ts', 'export const a = 1', 'index.ts'],
    ['a default export', 'http/a.ts', 'export default function a() {}', 'default export'],
    ['a hedging name', 'http/a.ts', 'export class TokenManager {}', 'hedges'],
    ['an attic', 'http/utils/a.ts', 'export const a = 1', 'tells nothing'],
    ['an unknown floor', 'plugins/a.ts', 'export const a = 1', 'no floor'],
    ['a file beside the entries', 'token.ts', 'export const a = 1', 'belongs in a folder'],
    ['a name in camelCase', 'http/loginPage.ts', 'export const a = 1', 'kebab-case'],
    ['module state', 'http/a.ts', 'let current = 1', 'two servers'],
    ['an enum', 'http/a.ts', 'export enum A { B }', 'cannot strip'],
    ['a long file', 'http/a.ts', 'export const a = 1\n'.repeat(301), 'more than 300'],
  ])('sees %s', (_, path, code, complaint) => {
    const problems = house({ [path]: file(code) })

    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(complaint)
    expect(problems[0]).toMatch(new RegExp(`^${path} `))
  })

  it('sees a file without an opening comment', () => {
    expect(house({ 'http/a.ts': 'export const a = 1\n' })).toEqual([expect.stringContaining('doc comment')])
  })

  it('sees every pair of floors imported the wrong way', () => {
    const names = Object.keys(FLOORS)
    const wrongWays = names.flatMap((from) =>
      names.filter((to) => from !== to && (FLOORS[from] ?? 0) <= (FLOORS[to] ?? 0)).map((to) => [from, to]),
    )
    const files = Object.fromEntries(
      wrongWays.map(([from, to]) => [`${from}/to-${to}.ts`, file(`import { a } from '../${to}/a.ts'`)]),
    )

    expect(house(files)).toHaveLength(wrongWays.length)
  })

  it('gives a reason for everybody who may read the clock', () => {
    expect(Object.values(CLOCK_READERS).every((reason) => reason.length > 10)).toBe(true)
  })
})
