/**
 * What this server was written against in oidc-provider, read from the version that is installed.
 *
 * `engine-record.json` holds what was read when the overrides and the fast path were last compared with the engine. After an
 * upgrade: read the changes that the test names, adapt, then `npx node test/engine/overrides/write-record.ts`.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { Provider } from 'oidc-provider'

import { findMember, type MemberName } from '../../../src/engine/overrides/override.ts'
import { OVERRIDES } from '../../../src/engine/overrides/overrides.ts'
import { createMapAdapters } from '../../support/map-adapter.ts'

const LIB = dirname(createRequire(import.meta.url).resolve('oidc-provider'))

/** What is done in the place of the engine's own files, or leans on how they do it. */
const ANSWERED_IN_PLACE_OF: Readonly<Record<string, string>> = {
  'actions/grants/authorization_code.js': 'fast-path/authorization-code.ts',
  'actions/grants/refresh_token.js': 'fast-path/refresh-token.ts',
  'actions/grants/client_credentials.js': 'fast-path/client-credentials.ts',
  'actions/introspection.js': 'fast-path/introspection.ts',
  'actions/userinfo.js': 'fast-path/userinfo.ts',
  'actions/token.js': 'fast-path/fast-path.ts',
  'helpers/grant_common.js': 'fast-path/granted-tokens.ts',
  'helpers/grant_response.js': 'fast-path/granted-tokens.ts',
  'models/formats/jwt.js': 'access-tokens/issue-jwt.ts',
  'models/formats/opaque.js': 'overrides/tokens/payloads.ts',
  'models/base_model.js': 'overrides/dates/model-dates.ts',
  'models/base_token.js': 'overrides/dates/model-dates.ts',
  'shared/reject_structured_tokens.js': 'overrides/tokens/presented-token.ts',
  'shared/selective_body.js': 'request/body.ts',
}

const MODELS = ['AuthorizationCode', 'RefreshToken', 'AccessToken', 'ClientCredentials', 'Grant'] as const

export interface EngineRecord {
  readonly version: string
  /** Each member that is replaced, by a digest of its source. */
  readonly members: Readonly<Record<string, string>>
  /** What each model stores. */
  readonly properties: Readonly<Record<string, readonly string[]>>
  /** Each file of `ANSWERED_IN_PLACE_OF`, by a digest. */
  readonly files: Readonly<Record<string, string>>
  /** Each default of the configuration, by its value or a digest of its source. */
  readonly defaults: Readonly<Record<string, string>>
}

export async function readEngine(): Promise<EngineRecord> {
  const provider = bareProvider()
  const names = OVERRIDES.flatMap(([, { members, adds = [], extended = [] }]) => [...members, ...adds, ...extended])
  const { defaults } = (await import(pathToFileURL(join(LIB, 'helpers/defaults.js')).href)) as { defaults: object }
  return {
    version: (JSON.parse(readFileSync(join(LIB, '../package.json'), 'utf8')) as { version: string }).version,
    members: Object.fromEntries([...new Set(names)].map((name) => [name, memberDigest(provider, name)])),
    properties: Object.fromEntries(
      MODELS.map((name) => [name, [...(Reflect.get(provider[name], 'IN_PAYLOAD') as string[])].sort()]),
    ),
    files: Object.fromEntries(
      Object.keys(ANSWERED_IN_PLACE_OF).map((file) => [file, digest(readFileSync(join(LIB, file), 'utf8'))]),
    ),
    defaults: Object.fromEntries(flat(defaults, '')),
  }
}

/** Every way in which the installed engine differs from the record, one sentence each; none of them is harmless unread. */
export function engineDifferences(record: EngineRecord, now: EngineRecord): string[] {
  return [
    ...changes(record.members, now.members, (name) => `replaced by ${overrideOf(name)}`),
    ...Object.keys(record.properties).flatMap((model) => {
      const [before, after] = [record.properties[model] ?? [], now.properties[model] ?? []]
      return [
        ...after.filter((name) => !before.includes(name)).map((name) => `${model} has a new property: ${name}`),
        ...before.filter((name) => !after.includes(name)).map((name) => `${model} has no longer the property: ${name}`),
      ]
    }),
    ...changes(
      record.files,
      now.files,
      (file) => `answered in its place by ${ANSWERED_IN_PLACE_OF[file] ?? 'nothing'}`,
    ),
    ...changes(record.defaults, now.defaults, () => 'a default of the configuration'),
  ]
}

const ABSENT = 'absent'

function changes(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  why: (name: string) => string,
): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const [was, is] = [before[name] ?? ABSENT, after[name] ?? ABSENT]
    if (was === is) return []
    const what = is === ABSENT ? 'is gone' : was === ABSENT ? 'is new' : `changed from ${was} to ${is}`
    return [`${name} ${what} (${why(name)})`]
  })
}

function overrideOf(member: string): string {
  const found = OVERRIDES.find(([, { members, adds = [], extended = [] }]) =>
    [...members, ...adds, ...extended].includes(member as MemberName),
  )
  return found?.[0] ?? 'nothing'
}

export function bareProvider(): Provider {
  return new Provider('http://localhost:3000', {
    adapter: createMapAdapters(),
    cookies: { keys: ['a key of a test'] },
    features: { devInteractions: { enabled: false } },
    jwks: { keys: [] },
  })
}

function memberDigest(provider: Provider, name: MemberName): string {
  const member = findMember(provider, name)
  if (member === undefined) return ABSENT
  const source = member.get ?? (member.value as unknown)
  return digest(String(source))
}

function flat(value: unknown, path: string): [string, string][] {
  if (typeof value === 'function') return [[path, digest(value.toString())]]
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [[path, JSON.stringify(value) ?? ABSENT]]
  return Object.entries(value).flatMap(([name, inner]) => flat(inner, path === '' ? name : `${path}.${name}`))
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 12)
}
