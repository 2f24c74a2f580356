/**
 * The header of a public client that sends its id with an empty secret.
 *
 * RFC 6749 section 2.3.1 lets a client without a secret leave it empty, and some libraries know no other way to say who they
 * are. The engine refuses such a header. It proves nothing, so for a public client it is taken for the `client_id` in the body;
 * any other client is refused as before.
 */

import type { IncomingMessage } from 'node:http'
import { parse } from 'node:querystring'

import type { Clients } from '../../clients/clients.ts'
import { changeBody, ENGINE_MOST_BYTES } from './body.ts'

const BASIC = /^Basic ([A-Za-z0-9+/]+={0,2})$/i

export async function nameByBody(
  req: IncomingMessage,
  clients: Pick<Clients, 'findClient' | 'heldClient'>,
): Promise<void> {
  const id = idWithoutSecret(req)
  if (id === undefined) return
  const client = clients.heldClient(id) ?? (await clients.findClient(id).catch(() => undefined))
  if (client?.authMethod !== 'none') return
  delete req.headers.authorization
  delete req.headers['content-length']
  req.headers['transfer-encoding'] = 'chunked'
  changeBody(req, (body) => named(body, id))
}

function idWithoutSecret({ method, headers }: IncomingMessage): string | undefined {
  const encoded = method === 'POST' ? BASIC.exec(headers.authorization ?? '')?.[1] : undefined
  if (encoded === undefined || Number(headers['content-length'] ?? 0) > ENGINE_MOST_BYTES) return undefined
  const pair = Buffer.from(encoded, 'base64').toString()
  return /^[\w.~-]+:$/.test(pair) ? pair.slice(0, -1) : undefined
}

/** A body that names a client names it itself: the engine compares nothing any more, so this one stays as it is. */
function named(body: Buffer, id: string): Buffer {
  const given = parse(body.toString()).client_id
  if (given !== undefined) return body
  return Buffer.concat([body, Buffer.from(`${body.length > 0 ? '&' : ''}client_id=${id}`)])
}
