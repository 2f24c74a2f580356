/** The engine of a node: built for the present ring, and built again whenever the ring changes. */

import type { Config } from '../config/config.ts'
import type { Keyring, LiveKeyring } from '../keyring/keyring.ts'
import type { Failures } from '../limits/failures.ts'
import type { Tally } from '../limits/tally.ts'
import { buildEngine, type EngineParts } from './build.ts'
import { createCurrentEngine, type CurrentEngine } from './current.ts'
import { followRing } from './follow-ring.ts'
import { createClientFailures } from './request/client-failures.ts'
import { createRefusals } from './request/refusals.ts'

/** The parts of the core that the engine needs. */
export interface EngineCore
  extends Omit<
    EngineParts,
    'clientFailures' | 'refusals' | 'keyring' | 'pages' | 'issuer' | 'lifetimes' | 'dpop' | 'privateHosts' | 'fastPath'
  > {
  readonly config: Config
  readonly keyring: Pick<LiveKeyring, 'current' | 'follow'>
  readonly failures: Failures
  readonly tally: Tally
}

export interface OpenEngine {
  readonly current: CurrentEngine
  /** Resolves when the engine in use has every key that the ring has now. */
  settled(): Promise<void>
  /** Builds no further engine; resolves when none is being built. */
  close(): Promise<void>
}

export async function openEngine(core: EngineCore, pages: EngineParts['pages']): Promise<OpenEngine> {
  const { issuer, lifetimes, dpop, privateHosts, fastPath } = core.config
  const clientFailures = createClientFailures(core)
  const refusals = createRefusals(core)
  const build = (keyring: Keyring) =>
    buildEngine({ ...core, issuer, lifetimes, dpop, privateHosts, fastPath, pages, clientFailures, refusals, keyring })
  const first = await build(core.keyring.current())
  if (first.differences.length > 0) {
    core.log.event('fast_path_off', { differences: first.differences })
  }
  const current = createCurrentEngine(first)
  return {
    current,
    async settled() {
      const ring = core.keyring.current()
      if (ring.version > current.engine().ringVersion) current.swap(await build(ring))
    },
    close: followRing({ keyring: core.keyring, current, build, log: core.log }),
  }
}
