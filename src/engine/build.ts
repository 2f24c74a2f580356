/** Builds an engine from our parts. One function, because a new ring means a new engine. */

import type { Configuration, Provider } from 'oidc-provider'

import type { Consents } from '../grants/consents.ts'
import type { RevocationLog } from '../revocation/revocation-log.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Apis } from '../apis/apis.ts'
import type { Audit } from '../audit/audit.ts'
import type { Log } from '../audit/log.ts'
import type { Clients } from '../clients/clients.ts'
import { createSubjectOf } from '../clients/subjects.ts'
import type { WebOrigins } from '../clients/web-origins.ts'
import type { Failures } from '../limits/failures.ts'
import type { DpopRules, Lifetimes } from '../config/config.ts'
import { createJwsSigner } from '../keyring/jws-signer.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { BoundSigner } from '../keyring/external-signer/external-signer.ts'
import { createAccessTokenReader } from './access-tokens/record-reader.ts'
import { type AccessTokens, createAccessTokens } from './access-tokens/access-tokens.ts'
import { createAdapterFactory } from './adapter/adapter.ts'
import type { AdapterParts } from './adapter/parts.ts'
import { CLOCK_TOLERANCE_SECONDS } from './clock-tolerance.ts'
import { createBrowserSessions } from './interactions/browser-sessions.ts'
import { browsers, type EnginePages, logoutPages } from './configuration/browsers.ts'
import type { ClientFailures } from './request/client-failures.ts'
import { clientAuthentication } from './configuration/client-authentication.ts'
import { mayIntrospect, mayRevoke } from './configuration/introspection.ts'
import { endUsers } from './configuration/end-users.ts'
import { outgoingRequests } from './configuration/outgoing-requests.ts'
import { proofs } from './configuration/dpop.ts'
import { requestBounds } from './configuration/authorization-requests.ts'
import { createTargets, resourceIndicators, type Targets } from './configuration/resource-indicators.ts'
import { subjects } from './configuration/subject-identifiers.ts'
import { tokens } from './configuration/token-lifetimes.ts'
import type { Engine } from './current.ts'
import { createDocuments, prepareDocuments } from './documents.ts'
import { createInteractions } from './interactions/engine-interactions.ts'
import { recordEvents } from './events.ts'
import type { Refusals } from './request/refusals.ts'
import { requestMiddleware } from './request/middleware.ts'
import { applyOverrides } from './overrides/overrides.ts'
import { refusalOf } from './overrides/clients/live-clients.ts'
import { settingsOf } from './request/client-settings.ts'
import { engineKeys, externalSigning, signerCheck } from './configuration/signing-keys.ts'
import { withOurResponseModes } from './overrides/requests/response-modes.ts'
import { ENGINE_PATHS } from './paths.ts'
import { createSessionGrants } from './interactions/session-grants.ts'
import { createWaysOut } from './interactions/ways-out.ts'
import { introspection } from './fast-path/introspection.ts'
import { clientCredentials } from './fast-path/client-credentials.ts'
import { authorizationCode } from './fast-path/authorization-code.ts'
import { refreshToken } from './fast-path/refresh-token.ts'
import { propertyDifferences } from './fast-path/known-properties.ts'
import { withFastPaths, type FastPath } from './fast-path/fast-path.ts'
import { userinfo } from './fast-path/userinfo.ts'

export interface EngineParts extends Omit<AdapterParts, 'accessTokens' | 'canSign'> {
  readonly issuer: string
  readonly lifetimes: Lifetimes
  readonly dpop: DpopRules
  readonly privateHosts: readonly string[]
  readonly apis: Apis
  readonly clients: Clients
  readonly accounts: Accounts
  readonly consents: Consents
  readonly keyring: Keyring
  readonly revocationLog: Pick<RevocationLog, 'covers' | 'settled'>
  /** Holds the keys of the ring whose private part is not in this server. */
  readonly signer: BoundSigner | undefined
  /** Whether plain requests are answered without the engine. */
  readonly fastPath: boolean
  readonly pages: EnginePages
  readonly clientFailures: ClientFailures
  readonly refusals: Refusals
  readonly unknownClients: Failures
  readonly webOrigins: Pick<WebOrigins, 'isRegistered'>
  readonly audit: Audit
  readonly log: Log
}

const LONGEST_JWKS_BYTES = 256 * 1024

export async function buildEngine(parts: EngineParts): Promise<Engine> {
  const targets = createTargets(
    parts.apis,
    (algorithm) => algorithm === 'HS256' || parts.keyring.publicJwks.some(({ alg }) => alg === algorithm),
  )
  const accessTokens = createAccessTokens(parts)
  const provider = new (withOurResponseModes(parts.pages))(
    parts.issuer,
    configuration(parts, { accessTokens, targets }),
  )
  // The dispatcher states scheme, host and client address of every request. The engine trusts only these.
  provider.proxy = true
  const { issuer, keyring } = parts
  const signer = createJwsSigner(keyring.signingJwks, parts.signer)
  const leftOut = applyOverrides(provider, { ...parts, accessTokens, signer, pairwiseSalt: keyring.pairwiseSalt })
  recordEvents(provider, parts)

  const documents = createDocuments()
  provider.use(requestMiddleware({ ...parts, documents }))
  const callback = provider.callback()
  const engine: Engine['handle'] = (req, res) => callback(req, res)
  const differences = [...leftOut, ...propertyDifferences(provider)]
  // A signer that does not answer would be waited for twice.
  const usesFastPath = parts.fastPath && parts.signer === undefined && differences.length === 0
  const handle = usesFastPath ? withFastPaths(engine, fastPaths(provider, { ...parts, targets, accessTokens })) : engine
  await prepareDocuments(engine, issuer)
  const interactions = createInteractions(provider, {
    ...{ ...parts, sessionGrants: createSessionGrants(parts), waysOut: createWaysOut(parts) },
  })
  const sessions = createBrowserSessions(provider)
  return {
    ...{ handle, documents, accessTokens, interactions, sessions, differences, ringVersion: keyring.version },
    refusalOf: (settings) => refusalOf(provider, settings),
  }
}

type FastPathParts = EngineParts & { readonly targets: Targets; readonly accessTokens: AccessTokens }

function fastPaths(provider: Provider, parts: FastPathParts): FastPath[] {
  type Make = (provider: Provider, parts: FastPathParts) => FastPath
  const all: Make[] = [clientCredentials, authorizationCode, refreshToken, introspection, userinfo]
  return all.map((make) => make(provider, parts))
}

function configuration(
  parts: EngineParts,
  { accessTokens, targets }: { accessTokens: AccessTokens; targets: Targets },
): Configuration {
  const { clients, keyring } = parts
  const reader = createAccessTokenReader({
    accessTokens,
    store: parts.store,
    subjectOf: createSubjectOf(clients, () => keyring.pairwiseSalt),
  })
  return {
    adapter: createAdapterFactory({
      ...parts,
      accessTokens: reader,
      canSign: signerCheck(keyring.signingJwks, parts.signer),
    }),
    jwks: { keys: engineKeys(keyring.signingJwks, parts.signer) },
    routes: ENGINE_PATHS,
    scopes: ['openid', 'offline_access'],
    responseTypes: ['code'],
    // Every client proves possession of the code; old confidential ones may be excused (RFC 9700 section 2.1.1).
    pkce: { required: (_ctx, client) => !settingsOf(client).legacyWithoutPkce },
    // The redirect URI is always sent, so that it can always be compared.
    allowOmittingSingleRegisteredRedirectUri: false,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    // A set of a hundred keys has less; the address is the client's, and what it sends is held in memory.
    fetchResponseBodyLimits: { jwks_uri: LONGEST_JWKS_BYTES },
    enabledJWA: enabledAlgorithms(keyring),
    ...outgoingRequests(parts),
    ...subjects(keyring),
    ...tokens(parts),
    ...clientAuthentication(parts),
    ...endUsers({ ...parts, sessionGrants: createSessionGrants(parts) }),
    ...browsers({ ...parts, cookieKeys: keyring.cookieKeys, waysOut: createWaysOut(parts).ofRequest }),
    ...requestBounds,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: mayIntrospect(parts) },
      jwtIntrospection: { enabled: true },
      dPoP: proofs(parts),
      revocation: { enabled: true, allowedPolicy: mayRevoke },
      resourceIndicators: resourceIndicators({ targets }),
      rpInitiatedLogout: logoutPages(parts.pages),
      ...externalSigning(keyring.signingJwks),
    },
  }
}

function enabledAlgorithms(keyring: Keyring): NonNullable<Configuration['enabledJWA']> {
  const ours = [...new Set(keyring.publicJwks.map(({ alg }) => alg))] as 'RS256'[]
  return {
    idTokenSigningAlgValues: ours,
    introspectionSigningAlgValues: ours,
    clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    dPoPSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  }
}
