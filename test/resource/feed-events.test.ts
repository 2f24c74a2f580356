/** Reading Server-Sent Events: what counts as one, however its bytes come, and what is not taken. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { createEventParser, type ServerSentEvent } from '../../src/resource/revocations/event-stream.ts'

describe('the reader of an event stream', () => {
  it('gives an event at its empty line, with its type, data and the last id', () => {
    expect(read('event: current\nid: 7\ndata: {"now":1}\n\ndata: second\n\n')).toEqual([
      { type: 'current', data: '{"now":1}', id: '7' },
      { type: 'message', data: 'second', id: '7' },
    ])
  })

  it('passes over comments, unknown fields, and blocks without data', () => {
    expect(read(': hello\nretry: 1000\n\nevent: nothing\n\nwhat: ever\ndata\n\n')).toEqual([
      { type: 'message', data: '', id: undefined },
    ])
  })

  it('joins the data of several lines, and takes away one space after the colon', () => {
    expect(read('data: a\ndata:b\ndata:  c\n\n')).toEqual([{ type: 'message', data: 'a\nb\n c', id: undefined }])
  })

  it('takes no id with a NUL, and forgets the id when an empty one comes', () => {
    expect(read('id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid\ndata: c\n\n').map(({ id }) => id)).toEqual([
      '1',
      '1',
      undefined,
    ])
  })

  it('gives nothing for an event that has not ended', () => {
    expect(read('data: half\n')).toEqual([])
  })

  it('gives the same events for every line end and every cut of the bytes', () => {
    const line = fc.constantFrom(
      'event: x',
      'data: größe',
      'data',
      'id: 1',
      ': c',
      '',
      '',
      'data: \u{1F511}',
      '\uFEFFid: 2',
    )
    const lines = fc.array(line, { maxLength: 20 })
    const ends = fc.constantFrom('\n', '\r\n', '\r')
    fc.assert(
      fc.property(lines, ends, fc.array(fc.nat(200), { maxLength: 30 }), (texts, end, cuts) => {
        const bytes = Buffer.from(texts.map((text) => text + end).join(''))

        expect(readInPieces(bytes, cuts)).toEqual(read(texts.map((text) => `${text}\n`).join('')))
      }),
      { numRuns: 500 },
    )
  })

  it('refuses what is not UTF-8', () => {
    expect(() => readInPieces(Buffer.from([0x64, 0xff, 0x0a]), [])).toThrow('is not UTF-8')
  })

  it('refuses a line without end, a long line and endless data instead of keeping them', () => {
    const long = 'x'.repeat(17_000)

    expect(() => read(`data: ${long}`)).toThrow('a line without end')
    expect(() => read(`data: ${long}\n`)).toThrow('a line that is too long')
    expect(() => read(`data: ${long.slice(0, 9000)}\n`.repeat(2))).toThrow('an event that is too long')
  })
})

function read(text: string): ServerSentEvent[] {
  return readInPieces(Buffer.from(text), [])
}

/** Cut at these places, as far as there are so many bytes. */
function readInPieces(bytes: Uint8Array, cuts: readonly number[]): ServerSentEvent[] {
  const events: ServerSentEvent[] = []
  const parser = createEventParser((event) => events.push(event))
  let start = 0
  for (const end of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    parser.push(bytes.subarray(start, end))
    start = Math.min(end, bytes.length)
  }
  return events
}
