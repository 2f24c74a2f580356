/**
 * `npm run figures`: the shape of the code in numbers. `npm run figures -- --commit d1c714a` shows those of a commit
 * beside it, and `--files` the files that each request passes through.
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { type Passes, passesIn } from './passes.ts'
import { type Counted, type Shape, shapeOf } from './shape.ts'

const ROOT = join(import.meta.dirname, '../..')
const { values } = parseArgs({ options: { commit: { type: 'string' }, files: { type: 'boolean', default: false } } })

type Figures = Shape & { readonly passes: Passes }

async function figuresOf(root: string): Promise<Figures> {
  return { ...shapeOf(root), passes: await passesIn(root) }
}

/** The tree of a commit, with this clone's packages. */
async function figuresOfCommit(commit: string): Promise<Figures> {
  const root = mkdtempSync(join(tmpdir(), 'grantor-commit-'))
  try {
    const archive = join(root, 'tree.tar')
    writeFileSync(archive, execFileSync('git', ['archive', commit], { cwd: ROOT, maxBuffer: 1 << 28 }))
    mkdirSync(join(root, 'tree'))
    execFileSync('tar', ['-xf', archive, '-C', join(root, 'tree')])
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'tree/node_modules'))
    return await figuresOf(join(root, 'tree'))
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

const counted = ({ name, count }: Counted) => `${count} (${name})`
const ROWS: readonly [string, (figures: Figures) => string][] = [
  ['files at one level of the fullest folder', ({ fullestFolder }) => counted(fullestFolder)],
  ['files that one refresh passes through', ({ passes }) => String(passes.refresh.length)],
  ['files that one code passes through', ({ passes }) => String(passes.code.length)],
  ['files that one sign-in passes through', ({ passes }) => String(passes.signIn.length)],
  ['whoever, nobody, somebody in src and docs', ({ vagueWords }) => String(vagueWords)],
  ['lines of the longest file', ({ longestFile }) => counted(longestFile)],
  ['lines of the longest function', ({ longestFunction }) => counted(longestFunction)],
  ['sleeps in test/', ({ sleeps }) => String(sleeps)],
  ['timing assertions in test/', ({ timingAssertions }) => String(timingAssertions)],
]

const now = await figuresOf(ROOT)
const before = values.commit === undefined ? undefined : await figuresOfCommit(values.commit)
for (const [name, show] of ROWS) console.log([name, ...(before ? [show(before)] : []), show(now)].join(' | '))
if (values.files) {
  for (const [name, files] of Object.entries(now.passes))
    console.log(`\n${name}\n  ${(files as string[]).join('\n  ')}`)
}
