/**
 * The core that commands work on, opened for one command and closed after it: the same store, the same root key, the same
 * functions as the server's own.
 */

import { createLog } from '../audit/log.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load-config.ts'
import { type Core, openCore } from '../core.ts'
import { openIdentity } from '../store/identity/identity.ts'
import { openStore } from '../store/open-store.ts'
import type { Terminal } from './terminal/terminal.ts'

export type Domain = Omit<Core, 'close'>

export function readConfig(terminal: Terminal): Config {
  return loadConfig({ env: terminal.env, cwd: terminal.cwd })
}

export async function withDomain<Result>(
  terminal: Terminal,
  work: (domain: Domain) => Promise<Result>,
): Promise<Result> {
  const config = readConfig(terminal)
  const store = await openStore(config, terminal.clock)
  try {
    await openIdentity(store, terminal.clock)
    return await workOn({ config, store }, terminal, work)
  } finally {
    await store.close()
  }
}

/** The domain on a store that is open already, and stays so. */
export async function workOn<Result>(
  { config, store }: Pick<Domain, 'config' | 'store'>,
  terminal: Terminal,
  work: (domain: Domain) => Promise<Result>,
): Promise<Result> {
  const { clock } = terminal
  const log = createLog({ level: 'error', destination: { write: (line) => terminal.err(line.trimEnd()) } })
  const core = await openCore(config, { store, clock, log })
  try {
    return await work(core)
  } finally {
    await core.close()
  }
}
