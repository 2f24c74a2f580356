/** What the papers say of the code is what the code says, and the comparison can see each kind of difference. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { loadConfig } from '../../src/config/load-config.ts'
import * as resource from '../../src/resource/index.ts'
import { findingsIn } from '../support/findings.ts'
import { checksIn, coverageOf, dueChecks, namesOf } from '../support/security-checks.ts'
import { faultKinds } from '../support/fault-kinds.ts'
import { codeAndStatus, documentedFaults, faultsOf, leaves, madeParts, partOf } from './documents.ts'
import { referencePages } from './reference.ts'
import { ROOT } from './root.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const PAPERS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'RELEASING.md']
const PAGES = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.md'),
)
const ALL = [...PAPERS, ...PAGES.map((name) => `docs/${name}`)]

describe('docs/', () => {
  // When one of these fails: node test/house/write-docs.ts
  it.each(madeParts())('has the $name of the code in $page', ({ page, name, text }) => {
    expect(partOf(read(page), name)).toBe(text)
  })

  it.each(referencePages())('has the reference of the code in $page', ({ page, text }) => {
    expect(existsSync(join(ROOT, page)) ? read(page) : '').toBe(text)
  })

  it('describes every export of grantor/resource that is a value', () => {
    for (const name of Object.keys(resource)) expect(read('docs/reference/resource.md')).toContain(`## ${name}\n\n`)
  })

  it('has every error code with its status, and no other', async () => {
    const ofVerifier = read('src/resource/refusals.ts')
    const faults = [...(await faultKinds()).map(codeAndStatus), ...faultsOf(ofVerifier)]
    const byCode = (a: { code: string }, b: { code: string }) => a.code.localeCompare(b.code)

    expect(documentedFaults(read('docs/errors.md')).sort(byCode)).toEqual(faults.sort(byCode))
    expect(faultsOf(ofVerifier).length).toBe([...ofVerifier.matchAll(/^export class \w+ extends/gm)].length)
  })

  it('names each of the 160 security checks once', () => {
    const page = read('docs/security-checks.md')

    expect([...namesOf(page).keys()]).toEqual(Array.from({ length: 160 }, (_, at) => at + 1))
    expect([...page.matchAll(/^\| \d+ \|/gm)]).toHaveLength(160)
  })
})

describe('a decision', () => {
  const decisions = PAGES.filter((name) => name.startsWith('decisions/') && !/README|newcomer/.test(name))

  it.each(decisions)('%s says what was chosen, instead of what and why, and stands in the index', (name) => {
    const page = read(`docs/${name}`)

    expect(page).toMatch(/^# .+\n/)
    for (const part of ['instead of', 'because']) expect(page.toLowerCase()).toContain(part)
    expect(read('docs/decisions/README.md')).toContain(`(${name.replace('decisions/', '')})`)
  })
})

describe('the papers', () => {
  it.each(ALL)('%s names only scripts that package.json has', (path) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...read(path).matchAll(/\bnpm run ([\w:-]+)/g)].map(([, name = '']) => name)

    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })

  it.each(ALL)('%s names only commands that there are', (path) => {
    const commands = [...(partOf(read('docs/commands.md'), 'commands') ?? '').matchAll(/^## (.+)$/gm)].map(
      ([, name = '']) => name,
    )
    const named = [...read(path).matchAll(/\bnpx grantor ([a-z-]+(?: [a-z-]+)?)/g)].map(
      ([, name = '']) => `grantor ${name}`,
    )

    expect(
      named.filter(
        (name) => !commands.some((command) => `${name} `.startsWith(`${command} `) || command.startsWith(name)),
      ),
    ).toEqual([])
  })

  it.each(ALL)('%s links only to what is there', (path) => {
    const targets = [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target)

    expect(targets.filter((target) => !existsSync(join(ROOT, dirname(path), target)))).toEqual([])
  })

  it.each(ALL)('%s names only files of ours that are there', (path) => {
    const named = [...read(path).matchAll(/`((?:src|test|docs|views|keys)\/[\w./-]+)`/g)].map(([, name = '']) => name)

    expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([])
  })

  it('tell of every folder of src/', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())

    for (const { name } of folders) expect(read('ARCHITECTURE.md')).toContain(`\`${name}/\``)
  })

  it('give an example file that a production server starts with', () => {
    const env = {
      NODE_ENV: 'production',
      TRUST_PROXY: 'none',
      ISSUER: 'https://auth.example.com',
      GRANTOR_ROOT_KEY: 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA',
    }
    const readFile = (path: string) => {
      if (path.endsWith('grantor.example.yaml')) return read('grantor.example.yaml')
      throw new Error(`${path} is not there when the example is copied`)
    }

    expect(() =>
      loadConfig({ env: { ...env, GRANTOR_CONFIG: 'grantor.example.yaml' }, cwd: ROOT, readFile }),
    ).not.toThrow()
  })
})

describe('the comparison', () => {
  it('sees a part that is missing, and one that differs', () => {
    expect(partOf('text', 'events')).toBeUndefined()
    expect(partOf('<!-- events -->\n\na\n\n<!-- /events -->', 'events')).toBe('a')
  })

  it('sees a fault without a row, and one whose status changed', () => {
    const source = "export class A extends Refusal {\n  readonly code = 'a'\n  readonly status = 400\n}\n"

    expect(faultsOf(source)).toEqual([{ code: 'a', status: '400' }])
    expect(codeAndStatus({ code: 'b', reasons: { kind: 415, size: 413, length: 413 } })).toEqual({
      code: 'b',
      status: '413, 415',
    })
    expect(documentedFaults('| `a` | 401 | x |\n| `b` | 413, 415 | y |')).toEqual([
      { code: 'a', status: '401' },
      { code: 'b', status: '413, 415' },
    ])
  })

  it('has a section for each command', () => {
    const commands = madeParts().find((part) => part.name === 'commands')?.text ?? ''

    for (const name of ['grantor start', 'grantor accounts create', 'grantor token inspect'])
      expect(commands).toContain(`## ${name}\n`)
    expect(leaves).toBeTypeOf('function')
  })
})

describe('the list of security checks', () => {
  // Put together here, so that this file covers nothing itself.
  const mark = (text: string) => `[${'S'}${text}]`

  it('reads single numbers, ranges and lists out of titles', () => {
    expect(checksIn(`it('${mark('33')} wins once')`)).toEqual([33])
    expect(checksIn(`it('${mark('1-3')} x')\nit.each(y)("${mark('15, S16')} z")`)).toEqual([1, 2, 3, 15, 16])
  })

  it('counts neither comments nor tests that are skipped or planned', () => {
    expect(checksIn(`// ${mark('1')}\n * ${mark('2')}\nit.skip('${mark('3')}')\nit.todo('${mark('4')}')`)).toEqual([])
    expect(checksIn(`it.skipIf(missing)('${mark('5')}')`)).toEqual([5])
  })

  it('tells what is due and missing, and what is no check', () => {
    const folder = mkdtempSync(join(tmpdir(), 'grantor-checks-'))
    writeFileSync(join(folder, 'a.test.ts'), `it('${mark('1')} a')\nit('${mark('161')} b')`)
    const coverage = coverageOf(folder, [1, 2])
    rmSync(folder, { recursive: true })

    expect(coverage).toMatchObject({ covered: [1], missing: [2], unknown: [161] })
    expect(coverage.uncovered).toHaveLength(159)
  })

  it('knows what the present features owe', () => {
    expect(dueChecks()).toHaveLength(114)
  })
})

describe('the list of findings', () => {
  const mark = (text: string) => `[${text}]`

  it('reads single ids and lists out of titles, and counts neither comments nor tests that are skipped', () => {
    const text = `it('${mark('A3')} x')\nit.each(y)('${mark('B3, B4')} z')\n// ${mark('A1')}\nit.skip('${mark('A2')}')`

    expect([...findingsIn([text])]).toEqual(['A3', 'B3', 'B4'])
  })
})
