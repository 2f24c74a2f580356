/** What a server holds in memory after each of many clients was used once. */

import { setTimeout as sleep } from 'node:timers/promises'

import { REST_SECONDS } from '../memory.ts'
import type { Subject } from '../subject.ts'
import { clientIdAt } from './fill.ts'

export interface Used {
  /** At rest, before. */
  readonly beforeMb: number
  readonly afterMb: number
  /** `REST_SECONDS` later. */
  readonly restedMb: number
}

// Few enough that the server does what else it has to do in between.
const AT_ONCE = 200

export async function useEach(subject: Subject, count: number): Promise<Used> {
  await sleep(REST_SECONDS * 1000)
  const beforeMb = await residentMb(subject)
  for (let from = 0; from < count; from += AT_ONCE) {
    const ids = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => clientIdAt(from + index))
    if ((await subject.clients(ids)) !== ids.length) throw new Error(`one of ${ids[0]} … ${ids.at(-1)} is not there`)
  }
  const afterMb = await residentMb(subject)
  await sleep(REST_SECONDS * 1000)
  return { beforeMb, afterMb, restedMb: await residentMb(subject) }
}

async function residentMb(subject: Subject): Promise<number> {
  return (await subject.usage()).residentBytes / 1024 / 1024
}
