/** What a server holds in memory: at the start, after it has issued and stored many tokens, and when it rests again. */

import { setTimeout as sleep } from 'node:timers/promises'

import { drive, openConnections } from './driver.ts'
import { OPAQUE_API } from './configuration.ts'
import { machineToken } from './requests.ts'
import { CONNECTIONS } from './rows.ts'
import type { Subject } from './subject.ts'

export interface Memory {
  readonly idleBytes: number
  readonly tokens: number
  readonly afterBytes: number
  /** `REST_SECONDS` later. */
  readonly restedBytes: number
}

/** Longer than Grantor waits until it gives memory back (src/base/spare-memory.ts). */
export const REST_SECONDS = 10

/** Opaque tokens, because each of them is stored. The subject must be fresh. */
export async function measureMemory(subject: Subject, tokens: number): Promise<Memory> {
  const { residentBytes: idleBytes } = await subject.usage()
  const request = machineToken(OPAQUE_API)
  let left = tokens
  const takeOne = () => {
    left -= 1
    return left < 0 ? undefined : request
  }
  const connections = await openConnections(
    subject.port,
    Array.from({ length: CONNECTIONS }, () => takeOne),
  )
  await drive(connections, Number.POSITIVE_INFINITY)
  const { residentBytes: afterBytes } = await subject.usage()
  for (const connection of connections) connection.close()
  await sleep(REST_SECONDS * 1000)
  const { residentBytes: restedBytes } = await subject.usage()
  return { idleBytes, tokens, afterBytes, restedBytes }
}
