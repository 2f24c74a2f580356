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
  } catch (error) {
    const sentence = `${issuer} does not answer with its metadata at ${wellKnown.pathname}`
    if (codeOf(error) === 'ECONNREFUSED') throw new IssuerSilent(`${sentence}: nothing listens there.`)
    throw new Refused(`${sentence}: ${reasonOf(error)}.`)
  }
}

/** Nothing listens at the address, so the server does not run. Any other failure comes from a running server. */
export class IssuerSilent extends Refused {}

/** Of a certificate: it cannot be verified, is for another name, or has expired. */
const CERTIFICATE = /CERT|SIGNATURE|ALTNAME/

function reasonOf(error: unknown): string {
  const code = codeOf(error)
  if (code === undefined) return error instanceof Error ? error.message : String(error)
  if (!CERTIFICATE.test(code)) return code
  return `its certificate is not trusted here (${code}); NODE_EXTRA_CA_CERTS names the file of a further certificate authority`
}

/** Fetch wraps the fault of the network. */
function codeOf(error: unknown): string | undefined {
  const { cause } = error as { cause?: { code?: unknown } }
  return typeof cause?.code === 'string' ? cause.code : undefined
}

export async function fetchObject(address: URL): Promise<Record<string, unknown>> {
  const answer = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
  if (!answer.ok) throw new TypeError(`status ${answer.status}`)
  return (await answer.json()) as Record<string, unknown>
}
