/** What a server holds in memory: at rest, and after it has issued and stored many tokens. */

import { drive, openConnections } from './driver.ts'
import { OPAQUE_API } from './estate.ts'
import { machineToken } from './requests.ts'
import { CONNECTIONS } from './rows.ts'
import type { Subject } from './subject.ts'

export interface Memory {
  readonly idleBytes: number
  readonly tokens: number
  readonly afterBytes: number
}

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
  return { idleBytes, tokens, afterBytes }
}
