/** What a crash of a single Redis may lose, according to its settings. */

import { reasonOf } from '../connection/faults.ts'
import type { RedisLink } from '../connection/link.ts'

/** One sentence for the operator; `undefined` when nothing that was acknowledged can be lost, or it cannot be known. */
export async function persistenceAdvice(link: RedisLink): Promise<string | undefined> {
  const info = await link.info('persistence')
  if (info.field('aof_enabled') === '0') {
    return 'Redis writes no append-only file: when it stops, everything since its last snapshot is lost, also used codes and revocations. Set appendonly yes, and appendfsync always.'
  }
  return syncAdvice(await appendFsync(link))
}

function syncAdvice(policy: string | undefined): string | undefined {
  if (policy === undefined || policy === 'always') return undefined
  const lost = policy === 'everysec' ? 'up to two seconds' : 'half a minute or more'
  return `Redis runs with appendfsync ${policy}: when its machine crashes, the last of what was acknowledged is lost, ${lost}. Set appendfsync always, or let replicas confirm (REDIS_REPLICAS).`
}

/** `undefined` where CONFIG is forbidden, as with many hosted servers. */
async function appendFsync(link: RedisLink): Promise<string | undefined> {
  try {
    return ((await link.reader.config('GET', 'appendfsync')) as string[])[1]
  } catch (cause) {
    if (/^(NOPERM|ERR)/.test(reasonOf(cause))) return undefined
    throw cause
  }
}
