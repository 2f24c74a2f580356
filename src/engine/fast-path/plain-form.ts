/** The body of a plain request, and the client that sent it. */

import type { IncomingHttpHeaders } from 'node:http'
import { parse } from 'node:querystring'

import { type Clock, epochSeconds } from '../../base/clock.ts'
import type { Clients } from '../../clients/clients.ts'
import { acceptsMethod, isSecretOf, isTooWeak } from '../../clients/secrets.ts'
import type { ClientSettings } from '../../config/config.ts'
import type { ClientFailures } from '../request/client-failures.ts'
import { isOriginOf } from '../configuration/browsers.ts'

export interface ClientParts {
  /** A client that is not held here is left to the engine, which looks it up. */
  readonly clients: Pick<Clients, 'heldClient'>
  readonly clock: Clock
  readonly clientFailures: Pick<ClientFailures, 'secondsToWait'>
}

export type PlainForm = Readonly<Record<string, string | undefined>>

const CREDENTIALS = ['client_id', 'client_secret']
const BASIC = /^Basic ((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/i
/** Id and secret where encoding them as a form would change nothing (RFC 6749 section 2.3.1). */
const PLAIN_PAIR = /^([\w.~-]+):([\w.~-]+)$/

/** The parameters; `undefined` unless each is expected, occurs once and has a value. */
export function plainForm(body: Buffer, expected: readonly string[]): PlainForm | undefined {
  const form = parse(body.toString())
  for (const [name, value] of Object.entries(form)) {
    const isExpected = expected.includes(name) || CREDENTIALS.includes(name)
    if (!isExpected || typeof value !== 'string' || value === '') return undefined
  }
  return form as PlainForm
}

/** The client that sent this form, public or known by its secret, from no other origin than its own. */
export function requestingClient(
  parts: ClientParts,
  headers: IncomingHttpHeaders,
  form: PlainForm,
): ClientSettings | undefined {
  const { authorization, origin } = headers
  const named = parts.clients.heldClient(form.client_id ?? '')
  const isPublic = named?.authMethod === 'none' && authorization === undefined && form.client_secret === undefined
  const client = isPublic ? named : authenticatedClient(parts, headers, form)
  return client && isAllowedOrigin(client, origin) ? client : undefined
}

/** Whether this client must send a proof, which the fast path never reads. */
export function mustProve({ dpopBound }: ClientSettings): boolean {
  return dpopBound === true
}

export function isAllowedOrigin({ redirectUris }: ClientSettings, origin: string | undefined): boolean {
  return origin === undefined || isOriginOf(redirectUris, origin)
}

/** The client that sent its secret in a way that it may; `undefined` where there is any doubt. */
export function authenticatedClient(
  { clients, clientFailures, clock }: ClientParts,
  headers: IncomingHttpHeaders,
  { client_id, client_secret }: PlainForm,
): ClientSettings | undefined {
  const { authorization } = headers
  const isInHeader = authorization !== undefined
  if (isInHeader && (client_id !== undefined || client_secret !== undefined)) return undefined
  const [id, secret] = isInHeader ? pairIn(authorization) : [client_id, client_secret]
  const client = id === undefined ? undefined : clients.heldClient(id)
  if (client?.secretHash === undefined || secret === undefined) return undefined
  if (!acceptsMethod(client, isInHeader ? 'client_secret_basic' : 'client_secret_post')) return undefined
  if (clientFailures.secondsToWait(client.clientId, addressOf(headers)) !== undefined) return undefined
  return isSecretOf(client, secret, epochSeconds(clock)) && !isTooWeak(client, secret) ? client : undefined
}

/** The caller's address, as http/request-facts.ts states it. */
function addressOf(headers: IncomingHttpHeaders): string {
  return String(headers['x-forwarded-for'] ?? '')
}

function pairIn(authorization: string): readonly (string | undefined)[] {
  const encoded = BASIC.exec(authorization)?.[1]
  if (encoded === undefined) return []
  return PLAIN_PAIR.exec(Buffer.from(encoded, 'base64').toString())?.slice(1) ?? []
}
