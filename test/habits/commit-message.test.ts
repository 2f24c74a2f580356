import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { messageProblems } from '../../tools/habits/commit-message.ts'
import { ROOT } from '../house/root.ts'

describe('a commit message', () => {
  it.each([
    'feat(http): answer 503 as a page while the store is away',
    'fix(engine): a refresh keeps its scope\n\nThe engine dropped it.\n# Please enter the commit message',
    'docs: say what a backup holds',
    'test(feature): [B18] a clock that is wrong',
    'refactor(store/redis): one client a topology',
    'Merge branch main',
    'Revert "feat(http): answer"',
  ])('is taken: %j', (message) => {
    expect(messageProblems(message)).toEqual([])
  })

  it.each([
    ['Answer 503 as a page', 'type(scope)'],
    ['feature(http): answer', 'not feature'],
    ['fix(nowhere): answer', 'no nowhere/'],
    ['fix(http): answer.', 'full stop'],
    [`fix(http): ${'x'.repeat(120)}`, 'more than 120'],
    ['fix(http): answer\nmore', 'second line'],
    ['fix(http): WIP', 'not finished'],
    ['fix(http): answer\n\nSeen in /home/ana/grantor.', 'path of one machine'],
    ['fix(http): nobody waits', 'names its subject'],
  ])('is refused: %j', (message, complaint) => {
    expect(messageProblems(message)).toEqual([expect.stringContaining(complaint)])
  })
})

describe('the hook commit-msg', () => {
  it('stops a commit whose message breaks a rule, once npm run hooks was run', () => {
    const folder = mkdtempSync(join(tmpdir(), 'grantor-hooks-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    for (const name of ['.githooks', 'tools/habits', 'package.json'])
      cpSync(join(ROOT, name), join(folder, name), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    const identity = {
      GIT_AUTHOR_NAME: 'Ana',
      GIT_AUTHOR_EMAIL: 'ana@example.com',
      GIT_COMMITTER_NAME: 'Ana',
      GIT_COMMITTER_EMAIL: 'ana@example.com',
    }
    const run = (program: string, ...args: string[]) =>
      spawnSync(program, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, ...identity } })
    run('git', 'init', '--quiet')
    expect(run('npm', 'run', 'hooks').stdout).toContain('.githooks/commit-msg')

    const refused = run('git', 'commit', '--allow-empty', '-m', 'something')
    const taken = run('git', 'commit', '--allow-empty', '-m', 'docs: say what a backup holds')

    expect(refused.stderr).toContain('The subject is `type(scope): what it does now`.')
    expect(refused.status).not.toBe(0)
    expect(taken.status).toBe(0)
    expect(run('git', 'log', '--format=%s').stdout).toBe('docs: say what a backup holds\n')
  })
})
