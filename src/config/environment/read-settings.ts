/**
 * The settings of the environment, each checked by its declaration in settings.ts.
 *
 * An unknown name with our prefix stops the start: a misspelt setting would have no effect and no error.
 */

import type { Environment } from './environment.ts'
import { hint, nearest, shown } from '../../registry/problems.ts'
import { type ReadFile, readSecretFile } from '../../registry/secrets/secret-file.ts'
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName, type SettingValue } from './settings.ts'

export type Settings = { readonly [Name in SettingName]: SettingValue<Name> | undefined }

// Kubernetes puts the addresses of every Service into the environment; one named "grantor" makes such names.
const KUBERNETES_NAME =
  /^GRANTOR_([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/
// Shorter names than this have too many innocent neighbours: PORT and POST.
const SHORTEST_GUARDED = 6

export function readSettings(env: Environment, readFile: ReadFile, problems: string[]): Settings {
  problems.push(...misspelt(env))
  const production = env.NODE_ENV === 'production'
  const read = (name: SettingName) => [name, readSetting(name, env, readFile, production, problems)]
  return Object.fromEntries(SETTING_NAMES.map(read)) as Settings
}

/** Names a setting may be given under: itself, and for a secret the path of a file. */
export function environmentNames(): string[] {
  return SETTING_NAMES.flatMap((name) => (SETTINGS[name].secret ? [name, `${name}_FILE`] : [name]))
}

function readSetting(
  name: SettingName,
  env: Environment,
  readFile: ReadFile,
  production: boolean,
  problems: string[],
): unknown {
  const setting: Setting<unknown> = SETTINGS[name]
  const text =
    givenText(name, setting, env, readFile, problems) ?? (production ? setting.production : setting.development)
  if (text === undefined) return undefined
  const parsed = setting.schema.safeParse(text)
  if (parsed.success) return parsed.data
  const got = setting.secret ? secretGot(name, parsed.error.issues[0]) : `is ${shown(text)}`
  problems.push(`${name} ${got}; it wants ${setting.wants}.`)
  return undefined
}

/** The value as written. An empty value counts as unset, because compose files and charts produce such values. */
function givenText(
  name: SettingName,
  setting: Setting<unknown>,
  env: Environment,
  readFile: ReadFile,
  problems: string[],
) {
  const text = env[name] || undefined
  const path = setting.secret ? env[`${name}_FILE`] || undefined : undefined
  if (path === undefined) return text
  if (text !== undefined) {
    problems.push(`${name} and ${name}_FILE are both set; keep one of them.`)
    return text
  }
  return readSecretFile(`${name}_FILE`, path, readFile, problems)
}

function secretGot(name: SettingName, issue: { code: string; message: string } | undefined): string {
  return name.startsWith('GRANTOR_ROOT_KEY') && issue !== undefined
    ? issue.message
    : 'is refused (its value is not shown)'
}

function misspelt(env: Environment): string[] {
  const known = environmentNames()
  const guarded = known.filter((name) => name.length >= SHORTEST_GUARDED)
  return Object.keys(env)
    .filter((name) => !known.includes(name) && env[name] !== undefined)
    .flatMap((name) => {
      if (name.startsWith('GRANTOR_'))
        return isFromKubernetes(name, env) ? [] : [`${name} is not a setting; ${hint(name, known)}.`]
      const meant = name.length >= SHORTEST_GUARDED ? nearest(name, guarded, 1) : undefined
      return meant === undefined ? [] : [`${name} is not a setting; it looks like ${meant}: rename or unset it.`]
    })
}

function isFromKubernetes(name: string, env: Environment): boolean {
  return env.KUBERNETES_SERVICE_HOST !== undefined && KUBERNETES_NAME.test(name)
}
