/**
 * What the pages need of the engine: which sign-in this is, and how it ended.
 *
 * The pages do not know oidc-provider. They use this interface, made by `createInteractions`.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'

export interface Interaction {
  readonly uid: string
  /** Epoch seconds, before any password is read: a sign-in counts from here, so that whatever ends access then ends it. */
  readonly foundAt: number
  /** Which page is due. */
  readonly prompt: 'login' | 'consent'
  readonly client: InteractionClient
  /** Where the browser goes at the end; registered and checked. The pages' `form-action` must allow its origin. */
  readonly redirectUri: string
  /** The login that the application expects (`login_hint`); untrusted text. */
  readonly loginHint: string | undefined
  /** The account that is signed in; set when the prompt is `consent`. */
  readonly accountId: string | undefined
  /** What consent is asked for; empty lists when the prompt is `login`. */
  readonly asked: Asked
}

export interface InteractionClient {
  readonly clientId: string
  readonly clientName: string
  readonly logoUri: string | undefined
  /** Host of the redirect URI, as a person reads it. */
  readonly redirectHost: string
}

export interface Asked {
  /** OpenID scopes not yet granted: openid, profile, email, offline_access. */
  readonly scopes: readonly string[]
  readonly apis: readonly AskedApi[]
}

export interface AskedApi {
  readonly audience: string
  readonly name: string
  readonly scopes: readonly { readonly scope: string; readonly sentence: string }[]
}

/** Where a person can go on after an error: addresses that the client registered, or the request that this browser sent. */
export interface WaysOut {
  readonly clientName: string
  /** Begins the sign-in anew. */
  readonly restart: string | undefined
  /** The start page of the application. */
  readonly application: string | undefined
}

/** Each throws `InteractionGone` when the sign-in has expired or belongs to another browser (its cookie decides). */
export interface Interactions {
  find(req: IncomingMessage, res: ServerResponse): Promise<Interaction>
  /** The person proved who they are, and did so after `foundAt`. Gives the address to redirect to (303). */
  finishLogin(req: IncomingMessage, res: ServerResponse, accountId: string, foundAt: number): Promise<string>
  /** The person agreed to everything asked. Gives the address to redirect to (303). */
  finishConsent(req: IncomingMessage, res: ServerResponse): Promise<string>
  /** The person said no; the application gets `access_denied`. Gives the address to redirect to (303). */
  abort(req: IncomingMessage, res: ServerResponse): Promise<string>
  /** Another person is to sign in: the login page is due again. Gives its address to redirect to (303). */
  switchAccount(req: IncomingMessage, res: ServerResponse): Promise<string>
  /** From a sign-in that is gone; `undefined` when this browser did not begin it. Never throws. */
  waysOut(req: IncomingMessage, res: ServerResponse): Promise<WaysOut | undefined>
}
