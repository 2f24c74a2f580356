/** Parses a form of our pages: small, plain, each field once. */

import type { IncomingMessage } from 'node:http'

import { BodyRefused } from '../../faults/requests.ts'
import { hasTooManyParameters } from '../../engine/port.ts'
import { FORM_MOST_BYTES } from '../routes.ts'
import { readBoundedBody } from './body.ts'

export type Form = ReadonlyMap<string, string>

/** The fields of a form. Throws `BodyRefused`: 415 another kind of body, 413 too large, 400 broken or ambiguous. */
export async function readForm(req: IncomingMessage): Promise<Form> {
  const fields = new Map<string, string>()
  for (const [name, value] of await readFields(req)) {
    if (fields.has(name)) throw new BodyRefused('field_twice')
    fields.set(name, value)
  }
  return fields
}

/** The fields in their order, for forms in which a field may occur twice. Throws as `readForm` does. */
export async function readFields(req: IncomingMessage): Promise<URLSearchParams> {
  refuseOtherKinds(req)
  const body = await readBoundedBody(req, FORM_MOST_BYTES)
  if (hasTooManyParameters(body)) throw new BodyRefused('too_many_fields')
  return new URLSearchParams(decodeText(body))
}

function refuseOtherKinds(req: IncomingMessage): void {
  const [kind = '', ...parameters] = (req.headers['content-type'] ?? '').toLowerCase().split(';')
  const charsetFits = parameters.every((parameter) => !/^\s*charset=(?!"?utf-8"?\s*$)/.test(parameter))
  if (kind.trim() !== 'application/x-www-form-urlencoded' || !charsetFits) {
    throw new BodyRefused('not_a_form')
  }
  if (req.headers['content-encoding'] !== undefined) {
    throw new BodyRefused('compressed')
  }
}

function decodeText(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new BodyRefused('not_utf8')
  }
}
