/** The domain of a server under measure, opened in this process on the same store. */

import { createLog } from '../../../src/audit/log.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { type Core, openCore } from '../../../src/core.ts'
import { openStore } from '../../../src/store/open-store.ts'
import { benchConfig, type GrantorOptions } from '../configuration.ts'

export type BenchPlace = GrantorOptions

export async function withCore<Result>(place: BenchPlace, work: (core: Core) => Promise<Result>): Promise<Result> {
  const config = benchConfig(place)
  const store = await openStore(config, systemClock)
  try {
    const core = await openCore(config, { store, clock: systemClock, log: createLog({ level: 'error' }) })
    try {
      return await work(core)
    } finally {
      await core.close()
    }
  } finally {
    await store.close()
  }
}
