/**
 * Parses Server-Sent Events (WHATWG HTML, section 9.2), strictly and within bounds.
 *
 * Stricter than a browser: text that is not UTF-8 and endless lines are errors, because a stream that is parsed wrong
 * may lack a revocation.
 */

export interface ServerSentEvent {
  /** `message` when the stream names none. */
  readonly type: string
  readonly data: string
  /** The last `id` of the stream so far; `undefined` before the first. */
  readonly id: string | undefined
}

/** The stream is invalid or exceeds the bounds. */
export class EventStreamBroken extends Error {
  constructor(problem: string, cause?: unknown) {
    super(`the event stream ${problem}`, cause === undefined ? undefined : { cause })
    this.name = 'EventStreamBroken'
  }
}

export interface EventParser {
  /** Takes the next bytes, and gives each event that they complete to the listener. Throws `EventStreamBroken`. */
  push(bytes: Uint8Array): void
}

/** Of a line, and of all data of one event, in characters; an entry of the feed has about 100. */
const LONGEST = 16_384

export function createEventParser(listener: (event: ServerSentEvent) => void): EventParser {
  // A byte order mark at the very beginning is left out, as the section says: it is the decoder's default.
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  let endedWithCr = false
  let type = ''
  let data: string | undefined
  let id: string | undefined

  return {
    push(bytes) {
      const added = decode(bytes)
      if (added === '') return
      // A line may end in CR, LF or both; the pair may come in two pieces.
      const text = rest + (endedWithCr && added.startsWith('\n') ? added.slice(1) : added)
      endedWithCr = added.endsWith('\r')
      let start = 0
      for (const end of text.matchAll(LINE_END)) {
        take(text.slice(start, end.index))
        start = end.index + end[0].length
      }
      rest = text.slice(start)
      if (rest.length > LONGEST) throw new EventStreamBroken('has a line without end')
    },
  }

  function decode(bytes: Uint8Array): string {
    try {
      return decoder.decode(bytes, { stream: true })
    } catch (cause) {
      throw new EventStreamBroken('is not UTF-8', cause)
    }
  }

  function take(line: string): void {
    if (line.length > LONGEST) throw new EventStreamBroken('has a line that is too long')
    if (line === '') {
      dispatch()
      return
    }
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    // A comment has an empty name. `retry` is for readers that have no pace of their own.
    if (name === 'event') type = value
    else if (name === 'id' && !value.includes('\0')) id = value === '' ? undefined : value
    else if (name === 'data') addData(value)
  }

  function addData(value: string): void {
    data = data === undefined ? value : `${data}\n${value}`
    if (data.length > LONGEST) throw new EventStreamBroken('has an event that is too long')
  }

  function dispatch(): void {
    const event = { type: type === '' ? 'message' : type, data: data ?? '', id }
    const isEmpty = data === undefined
    type = ''
    data = undefined
    if (!isEmpty) listener(event)
  }
}

const LINE_END = /\r\n|\n|\r/g
