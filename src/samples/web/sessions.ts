/**
 * The web app's sessions: what it knows of a browser, kept here and never sent to it.
 *
 * The browser has a random name in an HttpOnly cookie. Sessions are in memory, so a restart signs all people out. That
 * is enough for a sample; an app with more than one process keeps them in a store.
 */

import { randomBytes } from 'node:crypto'

import type { Context } from 'koa'

export interface Pending {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

export interface HeldToken {
  readonly access_token: string
  /** Seconds from now; `undefined` when the server does not say. */
  readonly expiresIn: () => number | undefined
}

export interface SignedIn {
  readonly name: string
  readonly subject: string
  readonly idToken: string
  refreshToken: string
  /** By audience: each API gets a token that is good there and nowhere else. */
  readonly accessTokens: Map<string, HeldToken>
  /** The result of the last call, for the page. */
  last: { readonly title: string; readonly status: number; readonly text: string } | undefined
}

export interface Session {
  pending: Pending | undefined
  signedIn: SignedIn | undefined
}

export interface Sessions {
  find(ctx: Context): Session | undefined
  /** A new session with a new name for this browser; the old one is removed. */
  begin(ctx: Context, session: Session): void
  end(ctx: Context): void
}

const COOKIE = 'demo-web'
const MAX_SESSIONS = 10_000

export function createSessions(): Sessions {
  const byId = new Map<string, Session>()

  function forget(ctx: Context): void {
    byId.delete(ctx.cookies.get(COOKIE) ?? '')
  }

  return {
    find: (ctx) => byId.get(ctx.cookies.get(COOKIE) ?? ''),

    begin(ctx, session) {
      forget(ctx)
      const [oldest] = byId.keys()
      if (byId.size >= MAX_SESSIONS && oldest !== undefined) byId.delete(oldest)
      const id = randomBytes(32).toString('base64url')
      byId.set(id, session)
      // Lax, not Strict: the authorization server, which redirects back, is another site.
      ctx.cookies.set(COOKIE, id, { httpOnly: true, sameSite: 'lax', overwrite: true, secure: ctx.secure })
    },

    end(ctx) {
      forget(ctx)
      ctx.cookies.set(COOKIE, null, { httpOnly: true, sameSite: 'lax', overwrite: true })
    },
  }
}
