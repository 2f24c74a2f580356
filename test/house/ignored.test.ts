import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const SECRETS = ['grantor.yaml', '.env', '.env.production', 'shop.secret', 'deploy/shop.secret', 'deploy/.env']

describe('a file that holds secrets', () => {
  it.each([...SECRETS, 'data/grantor.db', 'keys/root.key'])('[A15] is never committed: %s', (name) => {
    expect(spawnSync('git', ['check-ignore', '--no-index', '-q', name], { cwd: ROOT }).status).toBe(0)
  })

  it('[A15] but the example of the settings is', () => {
    const { status } = spawnSync('git', ['check-ignore', '--no-index', '-q', 'grantor.example.yaml'], { cwd: ROOT })
    expect(status).toBe(1)
  })

  it.each(SECRETS)('[A15] is never copied into an image: %s', (name) => {
    const patterns = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n').filter(Boolean)

    expect(patterns.some((pattern) => matchesGlob(name, pattern))).toBe(true)
  })
})
