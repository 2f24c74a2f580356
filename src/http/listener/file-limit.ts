/** How many files and connections this process may have open. */

import { readFileSync } from 'node:fs'

/** The limit that `ulimit -n` sets; Node raises the soft limit to the hard one. `undefined` when it is unknown. */
export function fileLimit(): number | undefined {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return limit === undefined ? undefined : Number(limit)
  } catch {
    return undefined
  }
}
