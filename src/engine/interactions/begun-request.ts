/**
 * The authorization request that this browser's latest sign-in began with, kept by the browser in a signed cookie.
 *
 * A sign-in that expired or was answered is gone from the store. With this cookie an error page at its address can still
 * offer to begin it anew. The cookie lists the ids of the sign-in, so a page of another sign-in offers nothing: what is
 * offered never comes from the request that failed.
 */

import type { KoaContextWithOIDC } from 'oidc-provider'

import type { CookieNames } from '../configuration/browsers.ts'

export interface BegunRequest {
  readonly clientId: string
  /** The query of the request; empty where it cannot be repeated, or is too long to keep. */
  readonly query: string
}

interface CookieValue extends BegunRequest {
  /** The login page and the consent page have an id each. */
  readonly uids: readonly string[]
}

type CookieContext = Pick<KoaContextWithOIDC, 'cookies'>

/** How long after its beginning a sign-in can be begun anew. */
const KEPT_SECONDS = 86_400
// The cookie goes with every request, and base64url makes a third more of it.
const LONGEST_QUERY = 1400
const MOST_UIDS = 6
// A pushed request is spent, a request object is long and ends, and an ID token is no value for a cookie.
const NOT_KEPT = ['request_uri', 'request', 'id_token_hint']

/**
 * Keeps the request of a sign-in that begins with this response, or notes the id under which it continues. A logout leaves
 * nothing of it in the browser.
 */
export function keepRequest(ctx: KoaContextWithOIDC, names: CookieNames): void {
  const { route, entities, client, params } = ctx.oidc ?? {}
  if (route === 'end_session_confirm' && params?.logout) forget(ctx, names)
  const uid = entities?.Interaction?.uid
  if (uid === undefined || client === undefined || ctx.status !== 303) return
  if (route === 'authorization') {
    const query = NOT_KEPT.some((name) => name in ctx.query) ? '' : ctx.querystring
    const kept = query.length > LONGEST_QUERY ? '' : query
    write(ctx, names, { clientId: client.clientId, query: kept, uids: [uid] })
  } else if (route === 'resume') {
    const begun = read(ctx, names)
    const before = /\/([\w-]+)$/.exec(ctx.path)?.[1] ?? ''
    if (begun === undefined || before === uid || !begun.uids.includes(before)) return
    write(ctx, names, { ...begun, uids: [...begun.uids, uid].slice(-MOST_UIDS) })
  }
}

/** The request with which the sign-in of this id began, when this browser began it. */
export function findRequest(ctx: CookieContext, names: CookieNames, uid: string): BegunRequest | undefined {
  const begun = read(ctx, names)
  return begun?.uids.includes(uid) ? begun : undefined
}

function write(ctx: CookieContext, { begun }: CookieNames, value: CookieValue): void {
  const text = Buffer.from(JSON.stringify(value)).toString('base64url')
  ctx.cookies.set(begun, text, {
    ...{ signed: true, httpOnly: true, sameSite: 'lax', path: '/', overwrite: true },
    maxAge: KEPT_SECONDS * 1000,
  })
}

function forget(ctx: CookieContext, names: CookieNames): void {
  if (read(ctx, names) === undefined) return
  ctx.cookies.set(names.begun, null, { signed: true, httpOnly: true, sameSite: 'lax', path: '/', overwrite: true })
}

/** The signature is ours, so the content is too. */
function read(ctx: CookieContext, { begun }: CookieNames): CookieValue | undefined {
  const text = ctx.cookies.get(begun, { signed: true })
  return text === undefined ? undefined : (JSON.parse(Buffer.from(text, 'base64url').toString()) as CookieValue)
}
