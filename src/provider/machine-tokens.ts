/**
 * Tokens for machines, issued beside the engine.
 *
 * A request with client credentials goes through some thirty steps of the engine, most of which are for other requests.
 * One that is plainly good is answered here at once, with the engine's own model of the token and under the same rules
 * for APIs and scopes. All else goes to the engine: a proof, an assertion, a browser's origin, a parameter that is not
 * expected, a secret that is wrong, a store that does not answer. So nothing is refused here. That the two ways give the
 * same answers, byte for byte, is held by test/provider/machine-tokens.test.ts; `machine_tokens: engine` leaves all to
 * the engine.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { parse } from 'node:querystring'
import type { Provider } from 'oidc-provider'

import type { Clients } from '../clients/clients.ts'
import { secretMatches } from '../clients/secrets.ts'
import type { ClientSettings } from '../config/config.ts'
import type { Target, Targets } from './configuration/resources.ts'
import { inScopeOf } from './request-scope.ts'
import { handBody, readBody } from './request-body.ts'
import { ENGINE_PATHS } from './routes.ts'

export type Handle = (req: IncomingMessage, res: ServerResponse) => Promise<void>

interface Parts {
  readonly clients: Clients
  readonly targets: Targets
}

// A secret, an API and its scopes are shorter.
const MOST_BYTES = 4096
const FORM = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i
const JSON_TAKEN = new Set([undefined, '*/*', 'application/json'])
/** Headers that ask for something of their own. */
const SPECIAL = ['origin', 'dpop', 'oauth-client-attestation', 'oauth-client-attestation-pop', 'transfer-encoding']
const GRANT_TYPE = 'client_credentials'
const PARAMETERS = new Set(['grant_type', 'scope', 'resource', 'client_id', 'client_secret'])
const BASIC = /^Basic ((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/i
/** Id and secret where encoding them as a form would change nothing (RFC 6749 section 2.3.1). */
const PLAIN_PAIR = /^([\w.~-]+):([\w.~-]+)$/

/** Answers plain requests with client credentials, and leaves the others to the engine. */
export function besideEngine(engine: Handle, provider: Provider, { clients, targets }: Parts): Handle {
  const { ClientCredentials, ResourceServer } = provider

  return async function handle(req, res) {
    if (!mayBePlain(req)) return engine(req, res)
    try {
      const body = await readBody(req, MOST_BYTES)
      handBody(req, async () => body)
      const wanted = read(req, body)
      if (wanted !== undefined) {
        answer(res, await inScopeOf(req, () => issue(wanted)))
        req.resume()
        return
      }
    } catch {
      // The engine meets the same fault, and has the words for it.
    }
    return engine(req, res)
  }

  function read({ headers }: IncomingMessage, body: Buffer): Wanted | undefined {
    if (!body.includes(GRANT_TYPE)) return undefined
    const form = parse(body.toString())
    for (const name in form) {
      if (!PARAMETERS.has(name) || typeof form[name] !== 'string' || form[name] === '') return undefined
    }
    const { grant_type, scope, resource } = form as Record<string, string | undefined>
    if (grant_type !== GRANT_TYPE) return undefined
    const client = authenticated(headers.authorization, form as Record<string, string | undefined>)
    if (client === undefined) return undefined
    const scopes = new Set(scope?.split(' '))
    const api = resource ?? targets.apisFor(client, scopes)
    const target = typeof api === 'string' ? targets.find(client, api) : undefined
    if (target === undefined) return undefined
    const offered = new Set(target.scope.split(' '))
    for (const each of scopes) if (!offered.has(each)) return undefined
    return { client, target, scope: [...scopes].join(' ') || undefined }
  }

  function authenticated(
    authorization: string | undefined,
    { client_id, client_secret }: Record<string, string | undefined>,
  ): ClientSettings | undefined {
    const isInHeader = authorization !== undefined
    if (isInHeader && (client_id !== undefined || client_secret !== undefined)) return undefined
    const [id, secret] = isInHeader ? pairIn(authorization) : [client_id, client_secret]
    const client = id === undefined ? undefined : clients.findClient(id)
    if (client?.secretHash === undefined || secret === undefined) return undefined
    if (client.authMethod !== (isInHeader ? 'client_secret_basic' : 'client_secret_post')) return undefined
    if (!client.grantTypes.includes(GRANT_TYPE)) return undefined
    return secretMatches(client.secretHash, secret) ? client : undefined
  }

  async function issue({ client, target, scope }: Wanted): Promise<object> {
    const token = new ClientCredentials({ clientId: client.clientId, scope } as never)
    token.resourceServer = new ResourceServer(target.audience, target)
    const value = await token.save()
    return { access_token: value, expires_in: token.expiration, scope, token_type: token.tokenType }
  }
}

interface Wanted {
  readonly client: ClientSettings
  readonly target: Target
  readonly scope: string | undefined
}

function mayBePlain({ url, method, headers }: IncomingMessage): boolean {
  const length = Number(headers['content-length'])
  return (
    url === ENGINE_PATHS.token &&
    method === 'POST' &&
    length > 0 &&
    length <= MOST_BYTES &&
    FORM.test(headers['content-type'] ?? '') &&
    JSON_TAKEN.has(headers.accept) &&
    SPECIAL.every((name) => headers[name] === undefined)
  )
}

function pairIn(authorization: string): readonly (string | undefined)[] {
  const encoded = BASIC.exec(authorization)?.[1]
  if (encoded === undefined) return []
  return PLAIN_PAIR.exec(Buffer.from(encoded, 'base64').toString())?.slice(1) ?? []
}

function answer(res: ServerResponse, fields: object): void {
  const body = JSON.stringify(fields)
  res.writeHead(200, {
    Vary: 'Origin',
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': 'DPoP-Nonce,WWW-Authenticate',
    'cache-control': 'no-store',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  })
  res.end(body)
}
