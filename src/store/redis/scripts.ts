/**
 * The Lua scripts of the Redis store: one a verb, each with its contract at its head.
 *
 * What several scripts do is a part (scripts/parts/), put in place of a line `-- include: <part>`. It is inlined, not
 * called: a script's functions are made anew with each run, which took longer than what they did.
 *
 * A script whose first line is `#!lua flags=allow-oom` (Redis 7.0 and newer) also runs when Redis is at `maxmemory`: those by
 * which access ends. The others are refused then, before they have done anything.
 *
 * A script runs by its hash. Redis forgets scripts when it restarts, fails over or is told to; it then says so without
 * having run anything, and the script is sent in full.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface Script {
  readonly text: string
  readonly sha: string
}

export const scripts = {
  put: load('entries/put'),
  putEnding: load('entries/put-ending'),
  getLinked: load('entries/get-linked'),
  take: load('entries/take'),
  remove: load('entries/remove'),
  increment: load('counters/increment'),
  decrement: load('counters/decrement'),
  consume: load('entries/consume'),
  wasSpent: load('entries/was-spent'),
  link: load('entries/link'),
  removeMembers: load('entries/remove-members'),
  append: load('log/append'),
  readLog: load('log/read-log'),
  beat: load('health/beat'),
  compareClocks: load('health/compare-clocks'),
  loadEntry: load('backup/load-entry'),
  loadSpent: load('backup/load-spent'),
} as const

function load(name: string): Script {
  const text = read(name)
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

function read(name: string): string {
  const text = readFileSync(new URL(`scripts/${name}.lua`, import.meta.url), 'utf8')
  return text.replaceAll(/^ *-- include: (\S+)$/gm, (_, part: string) => read(part))
}
