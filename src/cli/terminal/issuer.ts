/** Asking an issuer for its metadata, as any API does. */

import { Refused } from './refused.ts'

const FETCH_TIMEOUT_MS = 5000

/** Where the issuer keeps its keys; it must call itself by the very name it was asked by (RFC 8414 section 3.3). */
export async function findKeys(issuer: string): Promise<URL> {
  const wellKnown = URL.parse(`${issuer}/.well-known/openid-configuration`)
  if (wellKnown === null) throw new Refused(`"${issuer}" is no address of an issuer.`)
  const metadata = await fetchMetadata(wellKnown, issuer)
  if (metadata.issuer !== issuer)
    throw new Refused(`${wellKnown.href} calls itself ${String(metadata.issuer)}, not ${issuer}.`)
  const keys = typeof metadata.jwks_uri === 'string' ? URL.parse(metadata.jwks_uri) : null
  if (keys === null) throw new Refused(`${wellKnown.href} does not say where the keys are.`)
  return keys
}

async function fetchMetadata(wellKnown: URL, issuer: string): Promise<Record<string, unknown>> {
  try {
    return await fetchObject(wellKnown)
  } catch {
    throw new IssuerSilent(`${issuer} does not answer with its metadata at ${wellKnown.pathname}.`)
  }
}

/** Nobody answers there as an issuer would. */
export class IssuerSilent extends Refused {}

export async function fetchObject(address: URL): Promise<Record<string, unknown>> {
  const answer = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
  if (!answer.ok) throw new TypeError(`status ${answer.status}`)
  return (await answer.json()) as Record<string, unknown>
}
