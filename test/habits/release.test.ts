import { describe, expect, it } from 'vitest'

import { releaseProblems, type ReleaseState, runtimeOnly, sectionOf } from '../../tools/release/release.ts'

const READY: ReleaseState = {
  version: '1.2.0',
  lockedVersion: '1.2.0',
  changelog:
    '# Changelog\n\n## Unreleased\n\n## 1.2.0 – 2026-05-01\n\n- A thing.\n\n## 1.1.0 – 2026-01-01\n\n- Older.\n',
  tags: ['v1.1.0'],
  changes: '',
  packed: ['LICENSE', 'README.md', 'package.json', 'bin/grantor.js', 'dist/cli.js', 'views/pages/login.ejs'],
  sbom: { components: [{ name: 'koa' }, { name: 'jose' }] },
  dependencies: ['koa', 'jose'],
}

describe('a release', () => {
  it('has nothing in its way when version, section, tag, package and SBOM agree', () => {
    expect(releaseProblems(READY)).toEqual([])
  })

  it.each<[string, Partial<ReleaseState>, string]>([
    ['a version in the lock file that differs', { lockedVersion: '1.1.0' }, 'npm install'],
    ['a version that is no version', { version: 'next', lockedVersion: 'next' }, '1.2.3'],
    ['no section', { changelog: '# Changelog\n\n## Unreleased\n' }, 'no section for 1.2.0'],
    ['a section without a date', { changelog: '## 1.2.0\n\n- A thing.\n' }, 'no heading'],
    [
      'entries that were left behind',
      { changelog: `${READY.changelog}## Unreleased\n\n- New.\n`.replace('## Unreleased\n\n## 1', '## 1') },
      'Unreleased',
    ],
    ['a tag that exists', { tags: ['v1.2.0'] }, 'never changes'],
    ['changes that are not committed', { changes: ' M README.md\n' }, 'commit them'],
    ['a package without dist', { packed: READY.packed.filter((file) => !file.startsWith('dist')) }, 'npm run build'],
    ['a package without licence', { packed: READY.packed.filter((file) => file !== 'LICENSE') }, 'lacks LICENSE'],
    ['a package with sources', { packed: [...READY.packed, 'src/app.ts'] }, 'src/app.ts'],
    ['a package with a key', { packed: [...READY.packed, 'keys/root.key'] }, 'keys/root.key'],
    ['an SBOM that is not complete', { sbom: { components: [{ name: 'koa' }] } }, 'does not list jose'],
  ])('is stopped by %s', (_, change, complaint) => {
    expect(releaseProblems({ ...READY, ...change }).join('\n')).toContain(complaint)
  })

  it('has the section of its version as its notes', () => {
    expect(sectionOf(READY.changelog, '1.1.0')).toBe('- Older.')
    expect(sectionOf(READY.changelog, '1.3.0')).toBeUndefined()
  })

  it('has an SBOM without what is for development only', () => {
    const properties = [{ name: 'cdx:npm:package:development', value: 'true' }]
    const sbom = {
      components: [
        { 'bom-ref': 'jose@6', name: 'jose' },
        { 'bom-ref': 'jose@4', name: 'jose', properties },
      ],
      dependencies: [{ ref: 'grantor', dependsOn: ['jose@6', 'jose@4'] }, { ref: 'jose@4' }],
    }

    expect(runtimeOnly(sbom)).toEqual({
      components: [{ 'bom-ref': 'jose@6', name: 'jose' }],
      dependencies: [{ ref: 'grantor', dependsOn: ['jose@6'] }],
    })
  })
})
