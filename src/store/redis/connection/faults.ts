/** The meaning of the errors of Redis and of the connection to it. */

import { StoreUnavailable } from '../../../faults/store.ts'
import type { RedisNode } from './url.ts'

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
  if (cause instanceof StoreUnavailable) return (cause.detail ?? cause.message).replace(/^Redis: /, '')
  if (!(cause instanceof Error)) return String(cause)
  if (cause instanceof AggregateError && cause.message === '') return reasonOf(cause.errors[0])
  const [reason] = cause.message.split(/,? with args|\n/, 1)
  return (reason ?? '').slice(0, REASON_LENGTH)
}

/** Redis does not know the script, and has not run it. */
export function isScriptUnknown(cause: unknown): boolean {
  return startsWith(cause, 'NOSCRIPT')
}

export interface Redirection {
  /** `moved`: the slot belongs to that node. `ask`: this one key is there already. */
  readonly kind: 'moved' | 'ask'
  readonly node: RedisNode
}

/**
 * The node of a Cluster to use instead; nothing was done. A redirection without an address means the node that was
 * asked.
 */
export function redirectionIn(cause: unknown, asked: RedisNode): Redirection | undefined {
  const parts = cause instanceof Error ? /^(MOVED|ASK) \d+ (\S*):(\d+)/.exec(cause.message) : null
  if (parts === null) return undefined
  const [, kind, host, port] = parts
  return { kind: kind === 'ASK' ? 'ask' : 'moved', node: { host: host || asked.host, port: Number(port) } }
}

/** The keys are on the move between two nodes, and nothing was done. */
export function isOnTheMove(cause: unknown): boolean {
  return startsWith(cause, 'TRYAGAIN')
}

/** The connection goes to a node that has become a replica: the next one will go to the primary. */
export function isDemoted(cause: unknown): boolean {
  return startsWith(cause, 'READONLY')
}

/** There is no memory left for anything but endings. */
export function isOutOfMemory(cause: unknown): boolean {
  return /\bOOM\b/.test(reasonOf(cause))
}

/** There was no reply: the command may have run or not. */
export function isReplyLost(cause: unknown): boolean {
  return cause instanceof Error && cause.name !== 'ReplyError' && !(cause instanceof StoreUnavailable)
}

function startsWith(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && codes.some((code) => cause.message.startsWith(code))
}

/** The problem and its remedy, found by the text of the reason. The first match counts. */
const REMEDIES: readonly (readonly [says: RegExp, sentence: (reason: string) => string])[] = [
  [/is too old/, (reason) => `${reason}.`],
  [
    /NOPERM|user executing the script/,
    (reason) =>
      `Redis forbids the user in REDIS_URL what the server needs (${reason}): grant it the commands and keys that docs/redis.md lists.`,
  ],
  [
    /WRONGPASS|NOAUTH|invalid password/i,
    (reason) => `Redis refuses the user or password in REDIS_URL (${reason}): correct them.`,
  ],
  [
    /READONLY|read only replica|read-only replica/i,
    (reason) =>
      `Redis takes no writes, because REDIS_URL leads to a replica (${reason}): name the primary, or the Sentinels that know it.`,
  ],
  [
    /MISCONF/,
    (reason) =>
      `Redis takes no writes, because it cannot save them to its disk (${reason}): free space there, and see its log.`,
  ],
  [
    /NOREPLICAS/,
    (reason) =>
      `Redis takes no writes, because it has too few good replicas (${reason}): start them, or correct min-replicas-to-write.`,
  ],
  [
    /max(imum)? number of clients/i,
    (reason) => `Redis accepts no more connections (${reason}): raise maxclients, or end what holds them.`,
  ],
  [
    /ECONNRESET|EPIPE/,
    (reason) => `Redis cuts the connection (${reason}): see its log; it may have stopped, or have reached maxclients.`,
  ],
  [
    /replicas? (that have to|confirmed)/,
    (reason) =>
      `Redis cannot keep what it is given through a failover: ${reason}. Start the replicas that are missing, or wait for the failover to end (REDIS_REPLICAS says how many are needed).`,
  ],
  [
    /CLUSTERDOWN|all of its slots/,
    () =>
      'The Redis Cluster does not serve all of its slots: start the nodes that are missing, or wait for their replicas to take over.',
  ],
  [
    /unknown command|NOSCRIPT|scripts? .*(disabled|forbidden)/i,
    (reason) =>
      `Redis refuses a command that the server needs (${reason}): do not rename or disable commands, see docs/redis.md.`,
  ],
]

/** One sentence for the operator. */
export function sentenceFor(reason: string): string {
  const remedy = REMEDIES.find(([says]) => says.test(reason))
  return remedy?.[1](reason) ?? `Redis does not answer (${reason}): start it, or correct REDIS_URL.`
}
