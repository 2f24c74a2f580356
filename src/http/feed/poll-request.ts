/** Parses a poll request (RFC 8936 section 2.2) strictly: a wrong acknowledgement would lose an event. */

import type { IncomingMessage } from 'node:http'

import { z } from 'zod'

import { BodyRefused } from '../../faults/requests.ts'
import { readBoundedBody } from '../forms/body.ts'
import { POLL_MOST_BYTES } from '../routes.ts'

export interface PollRequest {
  readonly maxEvents: number
  readonly returnImmediately: boolean
  readonly ack: readonly string[]
  /** By `jti`, what was wrong with an event: one of the codes of RFC 8935 section 2.4. */
  readonly errors: ReadonlyMap<string, string>
}

// An event has about 800 bytes, and the acknowledgements of all come in one request.
const MOST_EVENTS = 100

const jtis = z.string().min(1).max(200)
const schema = z.object({
  maxEvents: z.int().min(0).optional(),
  returnImmediately: z.boolean().default(false),
  ack: z.array(jtis).max(1000).default([]),
  setErrs: z.record(jtis, z.object({ err: z.string(), description: z.string().optional() })).default({}),
})

/** Throws `BodyRefused`. */
export async function readPollRequest(req: IncomingMessage): Promise<PollRequest> {
  if (!/^application\/json *(;|$)/i.test(req.headers['content-type'] ?? '')) {
    throw new BodyRefused('not_json')
  }
  const read = schema.safeParse(parse((await readBoundedBody(req, POLL_MOST_BYTES)).toString()))
  if (!read.success) throw new BodyRefused('not_a_poll')
  const { maxEvents = MOST_EVENTS, returnImmediately, ack, setErrs } = read.data
  const errors = new Map(Object.entries(setErrs).map(([jti, { err }]) => [jti, codeOf(err)]))
  return { maxEvents: Math.min(maxEvents, MOST_EVENTS), returnImmediately, ack, errors }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** It goes to the log, so only what looks like a code. */
function codeOf(err: string): string {
  return /^[a-z_]{1,40}$/.test(err) ? err : 'other'
}
