/**
 * Reading a form of ours: small, plain, each field once.
 *
 * Bytes are counted as they come and reading stops at the limit, so that no claim in a header decides how much memory a
 * request may use.
 */

import type { IncomingMessage } from 'node:http'

import { BodyRefused } from '../../base/faults.ts'

/** The largest form is a login: an address, a password of at most 1 KiB and a token, all percent-encoded. */
const LARGEST_FORM_BYTES = 16 * 1024

export type Form = ReadonlyMap<string, string>

/** The fields of a form. Throws `BodyRefused`: 415 another kind of body, 413 too large, 400 broken or ambiguous. */
export async function readForm(req: IncomingMessage): Promise<Form> {
  const fields = new Map<string, string>()
  for (const [name, value] of await readFields(req)) {
    if (fields.has(name)) throw new BodyRefused(400, 'The form has a field twice.')
    fields.set(name, value)
  }
  return fields
}

/** The fields as they came, in their order, for forms in which a field may stand twice. Throws as `readForm` does. */
export async function readFields(req: IncomingMessage): Promise<URLSearchParams> {
  refuseOtherKinds(req)
  return new URLSearchParams(decodeText(await readBody(req)))
}

function refuseOtherKinds(req: IncomingMessage): void {
  const [kind = '', ...parameters] = (req.headers['content-type'] ?? '').toLowerCase().split(';')
  const charsetFits = parameters.every((parameter) => !/^\s*charset=(?!"?utf-8"?\s*$)/.test(parameter))
  if (kind.trim() !== 'application/x-www-form-urlencoded' || !charsetFits) {
    throw new BodyRefused(415, 'This address takes forms only.')
  }
  if (req.headers['content-encoding'] !== undefined) {
    throw new BodyRefused(415, 'This address takes no compressed forms.')
  }
}

function readBody(req: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0

  function onData(chunk: Buffer): void {
    size += chunk.length
    if (size <= LARGEST_FORM_BYTES) chunks.push(chunk)
    else reject(new BodyRefused(413, 'That form is too large.'))
  }
  const onEnd = () => resolve(Buffer.concat(chunks, size))
  const onGone = () => reject(new BodyRefused(400, 'The form did not arrive in full.'))

  if (Number(req.headers['content-length'] ?? 0) > LARGEST_FORM_BYTES) {
    reject(new BodyRefused(413, 'That form is too large.'))
  } else {
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  }
  // Paused, not destroyed: the refusal must still go out on this connection, which then closes.
  return promise.finally(() => {
    req.off('data', onData).off('end', onEnd).off('close', onGone)
    req.pause()
  })
}

function decodeText(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new BodyRefused(400, 'The form is not valid UTF-8.')
  }
}
