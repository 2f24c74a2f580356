/**
 * The Lua scripts of the Redis store: one a verb, each with its contract at its head.
 *
 * Code shared by several scripts is a part (scripts/parts/), which replaces a line `-- include: <part>`. It is inlined,
 * not called: a script's functions are created at each run, which took longer than their work.
 *
 * A script whose first line is `#!lua flags=allow-oom` (Redis 7.0 and newer) also runs when Redis is at `maxmemory`.
 * These are the scripts that end access. The other scripts are refused then, before they have done anything.
 *
 * A script runs by its hash. Redis loses its scripts at a restart, a failover or SCRIPT FLUSH. It then says so without
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
