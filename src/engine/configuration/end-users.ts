/** Accounts, claims, login and consent: who signs in, which claims a client gets, and what a person is asked. */

import { type Configuration, type KoaContextWithOIDC, interactionPolicy } from 'oidc-provider'

import type { Consent, Consents } from '../../grants/consents.ts'
import type { Revocation } from '../../revocation/revoke.ts'
import type { Account, Accounts } from '../../accounts/accounts.ts'
import type { AccountClaims } from '../../config/config.ts'
import type { ClientSettings } from '../../registry/client/client.ts'
import { settingsOf } from '../request/client-settings.ts'
import { answering } from '../request/errors.ts'
import type { SessionGrants } from '../interactions/session-grants.ts'

/** What a scope gives (OpenID Connect Core section 5.4), as far as an account can have it. `auth_time` is for ID tokens. */
const CLAIMS_OF_SCOPE = {
  openid: ['sub', 'auth_time'],
  profile: ['name', 'given_name', 'family_name'],
  email: ['email', 'email_verified'],
} as const satisfies Record<string, readonly string[]>

/**
 * What of an account an ID token may hold, of which the scopes that were granted select. Nothing unless the client's
 * settings say so: an ID token travels in URLs (id_token_hint), and userinfo tells the same (OpenID Connect Core section 5.4).
 */
export function claimsForIdToken({ claims }: Account, { idTokenClaims = [] }: ClientSettings): Partial<AccountClaims> {
  const names: readonly string[] = idTokenClaims.flatMap((scope) => [...CLAIMS_OF_SCOPE[scope]])
  return Object.fromEntries(Object.entries(claims).filter(([name]) => names.includes(name)))
}

interface Parts {
  readonly accounts: Accounts
  readonly consents: Consents
  readonly revocation: Pick<Revocation, 'endGrant'>
  readonly sessionGrants: SessionGrants
}

type EngineGrant = NonNullable<KoaContextWithOIDC['oidc']['grant']>

export function endUsers({ accounts, consents, revocation, sessionGrants }: Parts): Partial<Configuration> {
  return {
    findAccount: (ctx, id, token) =>
      answering(async () => present(await accounts.findSignedIn(id, signedInAt(ctx, token)), ctx)),
    claims: CLAIMS_OF_SCOPE,
    // Each client's settings say what its ID tokens contain besides the subject (claimsForIdToken).
    conformIdTokenClaims: false,
    interactions: { policy: policy(), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: (ctx) => answering(() => grantOf(ctx)),
  }

  /** The session's grant; else a new one with what the person once agreed to, or with all for a client of our own. */
  async function grantOf(ctx: KoaContextWithOIDC): Promise<EngineGrant | undefined> {
    const { client, session, provider, account, result } = ctx.oidc
    if (client === undefined || session === undefined || account === undefined) return undefined
    const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
    const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId)
    const ours = settingsOf(client).firstParty
    if (existing !== undefined && !ours) return existing

    const agreed = ours ? everythingAsked(ctx) : await consents.findConsent(account.accountId, client.clientId)
    if (agreed === undefined) return undefined
    const made = new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
    add(made, agreed)
    const grant = existing ?? (await sessionGrants.settle(provider, made, { sessionUid: session.uid, client }))
    if (grant !== made && !covers(grant, agreed)) {
      add(grant, agreed)
      await grant.save()
    }
    if (ours || (await consents.findConsent(account.accountId, client.clientId)) !== undefined) return grant
    // The consent was withdrawn while the grant was made from it, and the withdrawal may not have found this grant.
    await revocation.endGrant(grant.jti, 'consent_withdrawn')
    return undefined
  }
}

function add(grant: EngineGrant, { scopes, apis }: Consent): void {
  grant.addOIDCScope([...scopes].join(' '))
  for (const [audience, wanted] of Object.entries(apis)) grant.addResourceScope(audience, wanted.join(' '))
}

function covers(grant: EngineGrant, { scopes, apis }: Consent): boolean {
  return (
    subset(scopes, grant.getOIDCScope()) &&
    Object.entries(apis).every(([audience, wanted]) => subset(wanted, grant.getResourceScope(audience)))
  )
}

function subset(wanted: readonly string[], granted: string): boolean {
  const has = new Set(granted.split(' '))
  return wanted.every((scope) => has.has(scope))
}

function everythingAsked({ oidc }: KoaContextWithOIDC): Consent {
  const apis = Object.entries(oidc.resourceServers ?? {}).map(([audience, { scopes }]) => {
    return [audience, [...oidc.requestParamScopes].filter((scope) => scopes.has(scope))] as const
  })
  return { scopes: [...oidc.requestParamOIDCScopes], apis: Object.fromEntries(apis) }
}

/**
 * The sign-in that this request stands on: a code and a refresh token remember theirs, an access token is younger than
 * its own, and else it is the session's.
 */
function signedInAt({ oidc }: KoaContextWithOIDC, token: unknown): number | undefined {
  if (token === undefined) return oidc.session?.loginTs
  const { authTime, iat } = token as { authTime?: number; iat?: number }
  return authTime ?? iat
}

/** An account that is disabled, or whose access ended since, is to the engine no account: no token, no code, no claim. */
function present(account: Account | undefined, ctx: KoaContextWithOIDC) {
  if (account === undefined) return undefined
  return {
    accountId: account.id,
    async claims(use: string) {
      const claims = use === 'id_token' ? claimsForIdToken(account, settingsOf(ctx.oidc.client)) : account.claims
      return { sub: account.id, ...claims }
    },
  }
}

function policy() {
  const base = interactionPolicy.base()
  const { Check } = interactionPolicy
  base
    .get('login')
    ?.checks.add(
      new Check('account_gone', 'the account was removed or disabled', 'login_required', ({ oidc }) =>
        oidc.session?.accountId !== undefined && oidc.account === undefined
          ? Check.REQUEST_PROMPT
          : Check.NO_NEED_TO_PROMPT,
      ),
    )
  return base
}
