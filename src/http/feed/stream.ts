/**
 * One reader of the revocations: what was sent to it, and how far it lags.
 *
 * A reader has a cursor into this node's memory instead of its own queue. While it does not read, nothing more is
 * written. When it reads again, it continues from its cursor. So a slow reader costs one page and the buffers of its
 * connection.
 */

import type { ServerResponse } from 'node:http'

import type { LoggedRevocation } from '../../revocation/live-entries.ts'
import type { RevocationLog } from '../../revocation/revocation-log.ts'

export interface StreamParts {
  readonly res: ServerResponse
  readonly revocationLog: Pick<RevocationLog, 'read'>
  /** The cursor to go on after; `undefined` for all from the start. */
  readonly after: string | undefined
  /** An entry as this stream has it. */
  readonly textOf: (entry: LoggedRevocation) => string
  /** How often `current` is said. */
  readonly everySeconds: number
}

export interface Stream {
  /** Writes what is new, as far as the reader takes it. */
  pump(): void
  /** Sends, as soon as it is true, that all revocations up to a time (epoch seconds) were sent. */
  sayCurrent(completeAtMs: number): void
  /** Whether the reader has yet to take what was written. */
  readonly isWaiting: boolean
  end(): void
}

/** Some 60 KB; the most that is written before the reader is looked at again. */
const PAGE = 500

export function startStream({ res, revocationLog, after, textOf, everySeconds }: StreamParts): Stream {
  let cursor = after
  let pendingMs: number | undefined
  let isWaiting = false

  res.write('retry: 1000\n\n')
  res.on('drain', () => {
    isWaiting = false
    pump()
  })

  return {
    pump,
    sayCurrent(completeAtMs) {
      pendingMs = completeAtMs
      pump()
    },
    get isWaiting() {
      return isWaiting
    },
    end() {
      // Ending the response would wait for data that was not read. The reader reconnects for it.
      if (isWaiting) res.destroy()
      else res.end()
    },
  }

  function pump(): void {
    if (isWaiting || res.writableEnded || res.destroyed) return
    for (let more = true; more; ) {
      const page = revocationLog.read(cursor, PAGE)
      const isReset = page.fromStart && cursor !== undefined
      cursor = page.cursor
      more = page.more
      send((isReset ? RESET : '') + page.entries.map(textOf).join(''))
      if (isWaiting) return
    }
    if (pendingMs === undefined) return
    send(event('current', cursor, { now: pendingMs, every: everySeconds }))
    pendingMs = undefined
  }

  function send(text: string): void {
    if (text !== '') isWaiting = !res.write(text)
  }
}

/** An entry as an event. It has no line break: JSON escapes them. */
export function entryEvent({ id, ...entry }: LoggedRevocation): string {
  return event('revocation', id, entry)
}

const RESET = event('reset', undefined, { reason: 'unknown_cursor' })

function event(name: string, id: string | undefined, data: object): string {
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
}
