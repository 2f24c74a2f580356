/**
 * Writes the lines of the log without waiting for their reader.
 *
 * A reader that stalls fills the pipe, and a server that waits for it would answer no request. So lines that are not
 * read are buffered up to a bound. Further lines are dropped and counted, and one line reports the count when the
 * reader continues.
 */

import type { Writable } from 'node:stream'

import { type Clock, systemClock } from '../base/clock.ts'
import { LOG_EVENTS } from './log-events.ts'

export interface LogOutput {
  write(line: string): void
  /** Resolves when all lines are written; with false when this takes longer, or when the reader has gone. */
  flushed(withinMs: number): Promise<boolean>
}

export interface LogOutputParts {
  /** On Linux and macOS Node writes to a pipe without blocking; files and terminals take what they are given. */
  readonly stream: Writable
  readonly clock?: Clock
}

// Enough for more than a thousand lines.
const MOST_BYTES = 256 * 1024

export function createLogOutput({ stream, clock = systemClock }: LogOutputParts): LogOutput {
  let dropped = 0
  let isBroken = false

  // The reader of the log has gone. The server continues without it.
  stream.on('error', () => {
    isBroken = true
  })
  stream.on('drain', tellOfDropped)

  function tellOfDropped(): void {
    if (dropped === 0 || isBroken) return
    const [level, msg] = LOG_EVENTS[DROPPED]
    const line = { time: new Date(clock()).toISOString(), pid: process.pid, event: DROPPED }
    stream.write(`${JSON.stringify({ ...line, level, dropped, msg })}\n`)
    dropped = 0
  }

  return {
    write(line) {
      if (isBroken) return
      if (stream.writableLength + line.length > MOST_BYTES) dropped += 1
      else stream.write(line)
    },

    async flushed(withinMs) {
      if (isBroken) return false
      if (stream.writableLength === 0) return true
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<boolean>((resolve) => {
        timer = setTimeout(resolve, withinMs, false)
      })
      const taken = new Promise<boolean>((resolve) => stream.write('', (error) => resolve(error == null)))
      return Promise.race([taken, late]).finally(() => clearTimeout(timer))
    },
  }
}

const DROPPED = 'log_lines_dropped'
