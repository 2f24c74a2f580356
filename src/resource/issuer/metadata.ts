/**
 * Where an issuer keeps its keys: its metadata document (RFC 8414), believed only when it names that very issuer.
 */

import { VerifierUnavailable } from '../refusals.ts'

export type Fetch = typeof globalThis.fetch

const REQUEST_TIMEOUT_MS = 2500
/** Our JWKS has about 4 KB. The limit protects against an endless body. */
const MAX_BODY_BYTES = 262_144

/** A document and how long it may be cached; `undefined` when the sender does not say. */
export interface Fetched {
  readonly body: Record<string, unknown>
  readonly maxAgeSeconds: number | undefined
}

/** The issuer's `jwks_uri`. Throws `VerifierUnavailable`. */
export async function findJwksUri(issuer: string, fetch: Fetch): Promise<string> {
  return addressIn(await findMetadata(issuer, fetch), 'jwks_uri')
}

/** The issuer's metadata document. Throws `VerifierUnavailable`. */
export async function findMetadata(issuer: string, fetch: Fetch): Promise<Fetched['body']> {
  const address = metadataAddress(issuer)
  const { body } = await fetchJson(address, fetch)
  // Exactly the same text; otherwise keys of another party would be trusted for this issuer (RFC 8414 section 3.3).
  if (body.issuer !== issuer) {
    throw new VerifierUnavailable({ detail: `${address} does not name the issuer ${issuer}` })
  }
  return body
}

/** An address that the metadata names. Throws `VerifierUnavailable`. */
export function addressIn(metadata: Fetched['body'], name: string): string {
  const address = metadata[name]
  if (typeof address === 'string' && isSafeAddress(address)) return address
  throw new VerifierUnavailable({ detail: `the metadata of ${String(metadata.issuer)} has no usable ${name}` })
}

/** The well-known path goes between host and path of the issuer (RFC 8414 section 3.1). */
function metadataAddress(issuer: string): string {
  const { origin, pathname } = new URL(issuer)
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`
}

/** https, or http on this machine: keys that travel unencrypted could be replaced. */
export function isSafeAddress(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
}

/** A JSON object from an address. No redirects, bounded time and size. Throws `VerifierUnavailable`. */
export async function fetchJson(
  address: string,
  fetch: Fetch,
  headers: Readonly<Record<string, string>> = {},
  /** Sent as a form when present. */
  form?: URLSearchParams,
): Promise<Fetched> {
  try {
    const response = await fetch(address, {
      ...(form === undefined ? {} : { method: 'POST', body: form }),
      headers: { accept: 'application/json', ...headers },
      redirect: 'error',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    if (response.status !== 200) throw new StatusUnexpected(response.status)
    const body: unknown = JSON.parse(await readText(response))
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Error('not a JSON object')
    return { body: body as Record<string, unknown>, maxAgeSeconds: maxAgeOf(response) }
  } catch (cause) {
    throw new VerifierUnavailable({ detail: `${address}: ${(cause as Error).message}`, cause })
  }
}

/** The response has another status than expected. */
export class StatusUnexpected extends Error {
  readonly status: number

  constructor(status: number) {
    super(`status ${status}`)
    this.status = status
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) throw new Error(`larger than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function maxAgeOf(response: Response): number | undefined {
  const match = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(response.headers.get('cache-control') ?? '')
  return match === null ? undefined : Number(match[1])
}
