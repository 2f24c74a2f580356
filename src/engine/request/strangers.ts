/** What callers that are not known make the store keep through the engine, by the address of the engine's request. */

import { Provider } from 'oidc-provider'

import type { StrangerRecords } from '../../limits/stranger-records.ts'

/**
 * Counts a record that is about to be stored for the engine's present request. A confidential client is known here, and
 * a page only changes a record that was counted. Throws `StrangersBounded`.
 */
export function countStranger(strangers: StrangerRecords, bytes: number): void {
  const { ctx } = Provider
  if (ctx === undefined || isKnownClient(ctx.oidc)) return
  strangers.count(ctx.ip, bytes)
}

/** The record is removed before its time, by the browser that it was made for. */
export function releaseStranger(strangers: StrangerRecords, bytes: number): void {
  const { ctx } = Provider
  if (ctx !== undefined) strangers.release(ctx.ip, bytes)
}

/** Whether a client has proved by now who it is; a public one proves nothing. */
function isKnownClient({ route, client }: NonNullable<typeof Provider.ctx>['oidc']): boolean {
  const isPushed = route === 'pushed_authorization_request'
  return isPushed && client !== undefined && client.clientAuthMethod !== 'none'
}
