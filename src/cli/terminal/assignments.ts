/** Settings of a client or an API on the command line: `name=value`, with values in YAML and names as in grantor.yaml. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { valueFrom } from '../../config/file/yaml-text.ts'
import { Refused } from './refused.ts'
import type { Terminal } from './terminal.ts'

type Settings = Readonly<Record<string, unknown>>

/** A value that the shell history and the list of processes would show. */
const NEVER_TYPED = ['client_secret', 'token.secret']

/**
 * The settings; `name=` takes one back to its default, `token.lifetime=5m` changes one inside of another. Throws
 * `Refused`.
 */
export function settingsFrom(terminal: Terminal, assignments: readonly string[], present: Settings = {}): Settings {
  let settings: Settings = {}
  for (const assignment of assignments) {
    const [, name, text] = /^([a-z0-9_]+(?:\.[a-z0-9_]+)?)=(.*)$/s.exec(assignment) ?? []
    if (name === undefined || text === undefined) {
      throw new Refused(`${assignment} is no setting; it wants name=value, such as client_name=Shop.`)
    }
    if (NEVER_TYPED.includes(name)) {
      throw new Refused(`${name} would be seen in the list of processes; give ${name}_file instead.`)
    }
    settings = assigned(settings, name, text === '' ? undefined : read(name, text), present)
  }
  return withFiles(terminal, settings)
}

function assigned(settings: Settings, name: string, value: unknown, present: Settings): Settings {
  const [outer = '', inner] = name.split('.')
  if (inner === undefined) return { ...settings, [outer]: value }
  const before = (settings[outer] ?? present[outer] ?? {}) as Settings
  return { ...settings, [outer]: { ...before, [inner]: value } }
}

function read(name: string, text: string): unknown {
  try {
    return valueFrom(text)
  } catch {
    throw new Refused(`The value of ${name} is not YAML; quote it as a whole for the shell: '${name}=[a, b]'.`)
  }
}

/** With the secrets that stand in files of their own. */
function withFiles(terminal: Terminal, { client_secret_file: file, token, ...settings }: Settings): Settings {
  const { secret_file: secretFile, ...rest } = (token ?? {}) as Settings
  return {
    ...settings,
    ...(typeof file === 'string' && { client_secret: secretIn(terminal, file) }),
    ...(token !== undefined && {
      token: typeof secretFile === 'string' ? { ...rest, secret: secretIn(terminal, secretFile) } : token,
    }),
  }
}

function secretIn(terminal: Terminal, file: string): string {
  try {
    return readFileSync(resolve(terminal.cwd, file), 'utf8').replace(/\r?\n$/, '')
  } catch {
    throw new Refused(`${file} cannot be read.`)
  }
}
