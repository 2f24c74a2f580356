/**
 * The Lua scripts of the Redis store: one a verb, each with its contract at its head.
 *
 * What several scripts do is a part, put in place of a line `-- include: <part>`. It is inlined, not called: a script's
 * functions are made anew with each run, which took longer than what they did.
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
  put: load('put'),
  putEnding: load('put-ending'),
  getLinked: load('get-linked'),
  take: load('take'),
  remove: load('remove'),
  increment: load('increment'),
  decrement: load('decrement'),
  consume: load('consume'),
  wasSpent: load('was-spent'),
  link: load('link'),
  removeMembers: load('remove-members'),
  append: load('append'),
  readLog: load('read-log'),
  beat: load('beat'),
  compareClocks: load('compare-clocks'),
  loadEntry: load('load-entry'),
  loadSpent: load('load-spent'),
} as const

function load(name: string): Script {
  const text = read(name)
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

function read(name: string): string {
  const text = readFileSync(new URL(`scripts/${name}.lua`, import.meta.url), 'utf8')
  return text.replaceAll(/^ *-- include: (\S+)$/gm, (_, part: string) => read(part))
}
