/**
 * `npm run release:check`: says what stands between this tree and a release, and writes the SBOM of what would be
 * released to release/. It changes nothing else, and publishes nothing.
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { releaseProblems, runtimeOnly, type Sbom, sectionOf } from './release.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const run = (...[program, ...args]: [string, ...string[]]) =>
  execFileSync(program, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'inherit'] })

const { version, dependencies } = JSON.parse(read('package.json')) as {
  version: string
  dependencies: Record<string, string>
}
const { version: lockedVersion } = JSON.parse(read('package-lock.json')) as { version: string }
run('npm', 'run', '--silent', 'build')
const [pack] = JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--ignore-scripts')) as {
  files: { path: string }[]
}[]
const sbom = runtimeOnly(JSON.parse(run('npm', 'sbom', '--sbom-format', 'cyclonedx')) as Sbom)

const problems = releaseProblems({
  ...{ version, lockedVersion, changelog: read('CHANGELOG.md') },
  tags: run('git', 'tag', '--list').split('\n'),
  changes: run('git', 'status', '--porcelain'),
  packed: (pack?.files ?? []).map(({ path }) => path),
  sbom,
  dependencies: Object.keys(dependencies),
})

mkdirSync(join(ROOT, 'release'), { recursive: true })
writeFileSync(join(ROOT, `release/grantor-${version}.cdx.json`), `${JSON.stringify(sbom, null, 2)}\n`)
writeFileSync(join(ROOT, 'release/notes.md'), `${sectionOf(read('CHANGELOG.md'), version) ?? ''}\n`)
for (const problem of problems) console.error(problem)
console.log(`${pack?.files.length ?? 0} files in the package; release/grantor-${version}.cdx.json is its SBOM.`)
process.exitCode = problems.length === 0 ? 0 : 1
