/** What has to be true before a version is released; RELEASING.md has the order of the steps. */

export interface ReleaseState {
  /** `version` of package.json. */
  readonly version: string
  /** `version` at the top of package-lock.json. */
  readonly lockedVersion: string
  readonly changelog: string
  /** Tags of the repository. */
  readonly tags: readonly string[]
  /** What `git status --porcelain` prints. */
  readonly changes: string
  /** Files that `npm pack` would put into the package. */
  readonly packed: readonly string[]
  /** What `runtimeOnly` leaves of the document that `npm sbom` prints. */
  readonly sbom: Sbom
  /** `dependencies` of package.json. */
  readonly dependencies: readonly string[]
}

/** The parts of a CycloneDX document that are read here. */
export interface Sbom {
  readonly components: readonly Component[]
  readonly dependencies?: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}

interface Component {
  readonly 'bom-ref'?: string
  readonly name: string
  readonly properties?: readonly { readonly name: string; readonly value: string }[]
}

const VERSION = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/
const REQUIRED_FILES = ['LICENSE', 'README.md', 'package.json', 'bin/grantor.js']
/** Everything else stays out of the package: sources, tests, keys, data, settings of an operator. */
const PACKED = /^(?:bin|dist|views)\/|^(?:LICENSE|README\.md|package\.json)$/

/** What stands between this state and a release, a sentence each. */
export function releaseProblems(state: ReleaseState): string[] {
  return [...versionProblems(state), ...packageProblems(state), ...sbomProblems(state)]
}

/** The text of a version's section in CHANGELOG.md; `undefined` without one. */
export function sectionOf(changelog: string, version: string): string | undefined {
  const [, ...sections] = changelog.split(/^## /m)
  const section = sections.find((text) => text.startsWith(`${version} `) || text.startsWith(`${version}\n`))
  return section?.split('\n').slice(1).join('\n').trim()
}

/**
 * The document without what is installed for development only. `npm sbom --omit dev` also drops packages that both kinds
 * of dependencies need (npm 11.19: jose, zod), so the whole document is made and filtered here.
 */
export function runtimeOnly(sbom: Sbom): Sbom {
  const isForDevelopment = ({ properties = [] }: Component) =>
    properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true')
  const components = sbom.components.filter((component) => !isForDevelopment(component))
  const dropped = new Set(sbom.components.filter(isForDevelopment).map((component) => component['bom-ref'] ?? ''))
  const dependencies = (sbom.dependencies ?? [])
    .filter(({ ref }) => !dropped.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((on) => !dropped.has(on)) }))
  return { ...sbom, components, dependencies }
}

function versionProblems({ version, lockedVersion, changelog, tags, changes }: ReleaseState): string[] {
  const heading = new RegExp(`^## ${version.replaceAll('.', '\\.')} – \\d{4}-\\d{2}-\\d{2}$`, 'm')
  const unreleased = sectionOf(changelog, 'Unreleased')
  return [
    ...(VERSION.test(version) ? [] : [`package.json has the version ${version}, which is not of the form 1.2.3.`]),
    ...(version === lockedVersion ? [] : [`package-lock.json has the version ${lockedVersion}: run npm install.`]),
    ...(sectionOf(changelog, version) ? [] : [`CHANGELOG.md has no section for ${version}, or it is empty.`]),
    ...(heading.test(changelog) ? [] : [`CHANGELOG.md has no heading “## ${version} – YYYY-MM-DD”.`]),
    ...(unreleased ? ['CHANGELOG.md has entries under Unreleased: move them into the section of the version.'] : []),
    ...(tags.includes(`v${version}`) ? [`The tag v${version} exists: a released version never changes.`] : []),
    ...(changes.trim() === '' ? [] : ['The working tree has changes: commit them first.']),
  ]
}

function packageProblems({ packed }: ReleaseState): string[] {
  const missing = REQUIRED_FILES.filter((file) => !packed.includes(file))
  const foreign = packed.filter((file) => !PACKED.test(file))
  return [
    ...missing.map((file) => `The package lacks ${file}.`),
    ...(packed.some((file) => file.startsWith('dist/')) ? [] : ['The package lacks dist/: run npm run build.']),
    ...foreign.map((file) => `The package would hold ${file}, which does not belong in it.`),
  ]
}

function sbomProblems({ sbom, dependencies }: ReleaseState): string[] {
  const listed = sbom.components.map(({ name }) => name)
  return dependencies
    .filter((name) => !listed.includes(name))
    .map((name) => `The SBOM does not list ${name}: run npm ci.`)
}
