/** The web app's dealings with the authorization server: code with PKCE, refresh for one API at a time, logout. */

import * as openid from 'openid-client'

import { INVENTORY } from '../apis/inventory.ts'
import { ORDERS } from '../apis/orders.ts'
import { REPORTS } from '../apis/reports.ts'
import type { Pending, SignedIn } from './sessions.ts'

export interface SignInOptions {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Where the web app answers, without a slash at the end. */
  readonly origin: string
}

export interface SignIn {
  begin(): Promise<{ readonly pending: Pending; readonly url: URL }>
  /** Throws what openid-client throws when anything about the answer is wrong. */
  finish(answer: URL, pending: Pending): Promise<SignedIn>
  /** A token for one API, from memory or by refresh. */
  accessToken(person: SignedIn, audience: string): Promise<string>
  signOutUrl(person: SignedIn): Promise<URL>
}

const SCOPE = 'openid profile email orders:read orders:write inventory:read reports:read'
/** Renewed this long before the end, so that none expires on its way. */
const EARLY_SECONDS = 10

export function createSignIn({ issuer, clientId, clientSecret, origin }: SignInOptions): SignIn {
  let known: Promise<openid.Configuration> | undefined

  function configuration(): Promise<openid.Configuration> {
    known ??= discover().catch((error: unknown) => {
      // The server may be there next time.
      known = undefined
      throw error
    })
    return known
  }

  function discover(): Promise<openid.Configuration> {
    // http is for this machine only; openid-client refuses it by default.
    const execute = issuer.startsWith('http:') ? [openid.allowInsecureRequests] : []
    return openid.discovery(new URL(issuer), clientId, undefined, openid.ClientSecretBasic(clientSecret), { execute })
  }

  return {
    async begin() {
      const pending = {
        state: openid.randomState(),
        nonce: openid.randomNonce(),
        codeVerifier: openid.randomPKCECodeVerifier(),
      }
      const parameters = new URLSearchParams({
        redirect_uri: `${origin}/callback`,
        scope: SCOPE,
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(pending.codeVerifier),
        code_challenge_method: 'S256',
      })
      for (const audience of [ORDERS, INVENTORY, REPORTS]) parameters.append('resource', audience)
      return { pending, url: openid.buildAuthorizationUrl(await configuration(), parameters) }
    },

    async finish(answer, { state, nonce, codeVerifier }) {
      const checks = {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
      }
      const tokens = await openid.authorizationCodeGrant(await configuration(), answer, checks, { resource: ORDERS })
      const { sub = '' } = tokens.claims() ?? {}
      const { name } = await openid.fetchUserInfo(await configuration(), tokens.access_token, sub)
      return {
        name: name ?? sub,
        subject: sub,
        idToken: tokens.id_token ?? '',
        refreshToken: tokens.refresh_token ?? '',
        accessTokens: new Map([[ORDERS, tokens]]),
        last: undefined,
      }
    },

    async accessToken(person, audience) {
      const held = person.accessTokens.get(audience)
      if (held !== undefined && (held.expiresIn() ?? 0) > EARLY_SECONDS) return held.access_token
      const tokens = await openid.refreshTokenGrant(await configuration(), person.refreshToken, { resource: audience })
      person.refreshToken = tokens.refresh_token ?? person.refreshToken
      person.accessTokens.set(audience, tokens)
      return tokens.access_token
    },

    async signOutUrl(person) {
      return openid.buildEndSessionUrl(await configuration(), {
        id_token_hint: person.idToken,
        post_logout_redirect_uri: `${origin}/`,
      })
    },
  }
}
