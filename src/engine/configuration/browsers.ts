/** Cookies, CORS and the pages that the engine itself answers with: errors and logout. */

import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'

import { originOf } from '../../registry/client/redirect-uris.ts'
import type { WaysOut } from '../interactions/interactions.ts'
import { LOGOUT_CONFIRMATION } from '../paths.ts'
import { noteRefusal } from '../request/refusals.ts'

export interface RefusedPage {
  readonly error: string
  readonly description: string | undefined
  /** By which the log names it. */
  readonly errorId: string
  readonly cause: Error
  readonly ways?: WaysOut | undefined
}

/** The documents that the engine's own routes answer with; made by the pages (http/), which this floor does not know. */
export interface EnginePages {
  /** An error at an address that a browser opened. */
  error(ctx: KoaContextWithOIDC, refused: RefusedPage): void
  /** Asks whether to sign out. */
  logout(ctx: KoaContextWithOIDC, form: { action: string; xsrf: string; clientName?: string; targets: string[] }): void
  loggedOut(ctx: KoaContextWithOIDC, about: { clientName?: string }): void
  /** A form that sends itself on, here or to an application; `targets` are the addresses it may end at. */
  formPost(
    ctx: KoaContextWithOIDC,
    form: { action: string; fields: Readonly<Record<string, string>>; targets: string[] },
  ): void
}

export interface CookieNames {
  readonly session: string
  readonly interaction: string
  readonly resume: string
  /** The request that the latest sign-in began with (interactions/begun-request.ts). */
  readonly begun: string
}

/** `__Host-` keeps a cookie to this host and to https (RFC 6265bis section 4.1.3.2); plain http knows no such cookies. */
export function cookieNames(issuer: string): CookieNames {
  const prefix = issuer.startsWith('https:') ? '__Host-' : ''
  const name = (what: string) => `${prefix}grantor${what}`
  return { session: name(''), interaction: name('-interaction'), resume: name('-resume'), begun: name('-begun') }
}

interface Parts {
  readonly issuer: string
  readonly cookieKeys: readonly string[]
  readonly pages: EnginePages
  /** Where a person can go on from an error at an address of the engine. */
  readonly waysOut: (ctx: KoaContextWithOIDC) => Promise<WaysOut | undefined>
}

export function browsers({ issuer, cookieKeys, pages, waysOut }: Parts): Partial<Configuration> {
  const { session, interaction, resume } = cookieNames(issuer)
  return {
    cookies: {
      names: { session, interaction, resume },
      keys: [...cookieKeys],
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      // Their value stands in the address of the sign-in: only the signature shows that the browser was given it here.
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },

    clientBasedCORS: (_ctx, origin, client) => isOriginOf(client.redirectUris ?? [], origin),

    async renderError(ctx, out, error) {
      const { errorId } = noteRefusal(ctx, error)
      const ways = await waysOut(ctx)
      pages.error(ctx, { error: out.error, description: out.error_description, errorId, cause: error, ways })
    },
  }
}

export function logoutPages(pages: EnginePages) {
  return {
    enabled: true,
    async logoutSource(ctx: KoaContextWithOIDC) {
      const { client, session } = ctx.oidc
      pages.logout(ctx, {
        action: LOGOUT_CONFIRMATION,
        xsrf: session?.state?.secret as string,
        ...named(client?.clientName),
        targets: logoutTargets(ctx),
      })
    },
    async postLogoutSuccessSource(ctx: KoaContextWithOIDC) {
      pages.loggedOut(ctx, named(ctx.oidc.client?.clientName))
    },
  }
}

/**
 * The engine sends a browser that has nothing to confirm on to the confirmation by a page of its own, bare and under a
 * policy that would stop the way back to the application; ours takes its place.
 */
export function renderSelfPost(ctx: KoaContextWithOIDC, pages: EnginePages): void {
  const { route, session } = ctx.oidc ?? {}
  if ((route !== 'end_session' && route !== 'resume') || typeof ctx.body !== 'string') return
  const xsrf = session?.state?.secret
  if (typeof xsrf !== 'string' || !ctx.body.includes('document.forms[0].submit()')) return
  pages.formPost(ctx, { action: LOGOUT_CONFIRMATION, fields: { xsrf, logout: 'yes' }, targets: logoutTargets(ctx) })
}

/**
 * Where the browser may go after the confirmation: to the application that sent it, or to the sign-in that it came
 * from.
 */
function logoutTargets(ctx: KoaContextWithOIDC): string[] {
  const params = { ...ctx.oidc.params, ...ctx.oidc.entities.Interaction?.params }
  return [params.post_logout_redirect_uri, params.redirect_uri].filter((uri) => typeof uri === 'string')
}

function named(clientName: string | undefined): { clientName?: string } {
  return clientName === undefined ? {} : { clientName }
}

/** Whether this origin of a browser's request is that of a client with these redirect URIs. */
export function isOriginOf(redirectUris: readonly string[], origin: string): boolean {
  return redirectUris.some((uri) => originOf(uri) === origin)
}
