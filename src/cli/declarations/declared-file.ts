/** The clients and APIs that a file declares, read as the server would read it. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load-config.ts'
import type { Terminal } from '../terminal/terminal.ts'

export const FILE_ARGUMENT = ['[file]', 'the file; - for standard input; unset: grantor.yaml of the server'] as const

/**
 * The declarations of the file, together with those that this server's settings add (the demo seed, the server's own
 * API). Throws `ConfigInvalid`.
 */
export async function readDeclared(terminal: Terminal, config: Config, file: string | undefined): Promise<Config> {
  if (file === undefined) return config
  const path = resolve(terminal.cwd, file)
  const piped = file === '-' ? await terminal.readAll() : undefined
  return loadConfig({
    // The file need not say under which address the server is reached: this server's settings do.
    env: { ...terminal.env, ISSUER: config.issuer, GRANTOR_CONFIG: path },
    cwd: terminal.cwd,
    readFile: (wanted) => (piped !== undefined && wanted === path ? piped : readFileSync(wanted, 'utf8')),
  })
}
