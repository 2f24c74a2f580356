/** What the errors of Redis and of the connection to it mean. */

import { StoreUnavailable } from '../base/faults.ts'

/**
 * The fault for anything that kept Redis from answering.
 *
 * The error itself does not travel along: ioredis hangs the command on it, with a password if that was AUTH, with
 * stored values otherwise.
 */
export function unavailable(cause: unknown): StoreUnavailable {
  if (cause instanceof StoreUnavailable) return cause
  return new StoreUnavailable({ detail: `Redis: ${reasonOf(cause)}` })
}

const REASON_LENGTH = 200

/** The error's message without what it may repeat of a command. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause instanceof AggregateError && cause.message === '') return reasonOf(cause.errors[0])
  const [reason] = cause.message.split(/,? with args|\n/, 1)
  return (reason ?? '').slice(0, REASON_LENGTH)
}

/** Redis does not know the script, and has not run it. */
export function isScriptUnknown(cause: unknown): boolean {
  return startsWith(cause, 'NOSCRIPT')
}

/** The node is not, or not yet, the one to ask, and nothing was done. The last is what ioredis says when it notices itself. */
export function isMisdirected(cause: unknown): boolean {
  return startsWith(cause, 'MOVED ', 'ASK ', 'TRYAGAIN', 'All keys in the pipeline should belong')
}

/** The connection goes to a node that has become a replica: the next one will go to the primary. */
export function isDemoted(cause: unknown): boolean {
  return startsWith(cause, 'READONLY')
}

/** Nothing came back: the command may have been run or not. */
export function isReplyLost(cause: unknown): boolean {
  return cause instanceof Error && cause.name !== 'ReplyError' && !(cause instanceof StoreUnavailable)
}

function startsWith(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && codes.some((code) => cause.message.startsWith(code))
}
