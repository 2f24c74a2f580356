/**
 * Sign-ins that have already happened: what a row starts from, made by the engine's own models and stored by the
 * adapter under measure, outside of the measured interval.
 */

import type { Provider } from 'oidc-provider'

import { randomId } from '../../src/base/ids.ts'
import { API_SCOPE, REDIRECT_URI } from './configuration.ts'
import type { Served } from './served.ts'

export interface SignIns {
  readonly clientId: string
  /** OpenID and API scopes. With `offline_access` the tokens outlive the session, without it they end with it. */
  readonly scope: string
  /** The API that was asked for. */
  readonly resource?: string
  readonly codeChallenge: string
  readonly count: number
}

// At a time: enough to share round trips and transactions, few enough to keep the store's queues short.
const BATCH = 64

const SESSION_SECONDS = 3600

/** A code each of so many people, each with a session and a grant of their own, as in life. */
export async function makeCodes(served: Served, signIns: SignIns): Promise<string[]> {
  const codes: string[] = []
  while (codes.length < signIns.count) {
    const batch = Math.min(BATCH, signIns.count - codes.length)
    codes.push(...(await Promise.all(Array.from({ length: batch }, () => makeCode(served, signIns)))))
  }
  return codes
}

async function makeCode({ provider, accountId }: Served, signIns: SignIns): Promise<string> {
  const client = await provider.Client.find(signIns.clientId)
  if (client === undefined) throw new Error(`no client ${signIns.clientId}`)
  const uid = randomId(16)
  const grantId = await makeGrant(provider, accountId, uid, signIns)
  await makeSession(provider, accountId, uid, grantId, signIns.clientId)

  const code = new provider.AuthorizationCode({
    client,
    accountId,
    grantId,
    sessionUid: uid,
    expiresWithSession: !signIns.scope.includes('offline_access'),
    scope: signIns.scope,
    redirectUri: REDIRECT_URI,
    codeChallenge: signIns.codeChallenge,
    codeChallengeMethod: 'S256',
    authTime: Math.floor(Date.now() / 1000),
    ...(signIns.resource === undefined ? {} : { resource: signIns.resource }),
  } as ConstructorParameters<typeof provider.AuthorizationCode>[0])
  return code.save()
}

/** Grantor keeps a grant beside its session, which is told by the first two characters of both. */
async function makeGrant(
  provider: Provider,
  accountId: string,
  uid: string,
  { clientId, scope, resource }: SignIns,
): Promise<string> {
  const grant = new provider.Grant({ accountId, clientId })
  grant.jti = uid.slice(0, 2) + randomId(16)
  grant.addOIDCScope(scope.replace(API_SCOPE, '').trim())
  if (resource !== undefined) grant.addResourceScope(resource, API_SCOPE)
  return grant.save()
}

async function makeSession(
  provider: Provider,
  accountId: string,
  uid: string,
  grantId: string,
  clientId: string,
): Promise<void> {
  const loginTs = Math.floor(Date.now() / 1000)
  const Session = provider.Session as unknown as SessionModel
  await new Session({ uid, accountId, loginTs, authorizations: { [clientId]: { grantId } } }).save(SESSION_SECONDS)
}

/** The engine's types leave out what its own endpoints do with a session. */
type SessionModel = new (payload: object) => { save(ttlSeconds: number): Promise<string> }
