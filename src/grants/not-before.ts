/**
 * Not-before marks: everything issued before a mark is refused, for one client or for all.
 *
 * A client may have a hundred thousand tokens, which are found one by one only when they are presented. So ending them
 * writes one mark, and whatever was issued to the client before it is refused when it is read. An entry of the
 * revocation log is removed once no JWT that it covers is alive. Grants live far longer, and a removed client may be
 * registered again, so the marks are in the store, all in one record. Every node has them in memory and learns of new
 * ones from the log.
 *
 * The record names the longest life that any server has given anything. A mark of a client that lies further back
 * than that before the newest mark covers nothing that is alive, and is removed when the next mark is written.
 */

import type { RevocationEntry } from '../resource/revocations/revocation-set.ts'
import { keys } from '../store/keys.ts'
import { over } from '../store/over.ts'
import type { Entry, Store } from '../store/store.ts'

/** Something that a mark can end: a grant, a stored token, a session. */
export interface Issued {
  readonly clientId?: string | undefined
  /** Epoch seconds. Without it, the thing counts as issued before any mark. */
  readonly issuedAt: number | undefined
}

export interface NotBefore {
  /**
   * Ends what was issued before this time (epoch seconds), on this node at once; everything when no client is given.
   */
  raise(before: number, clientId?: string): Promise<void>
  /** The same for several clients, in one write. */
  raiseAll(before: number, clientIds: readonly string[]): Promise<void>
  /** Whether a mark has ended it. */
  covers(issued: Issued): boolean
}

/** The part of the revocation log that is needed here. The log is a layer above. */
export interface EndingNews {
  read(
    after: string | undefined,
    limit: number,
  ): { readonly entries: readonly RevocationEntry[]; readonly cursor: string | undefined; readonly more: boolean }
  onNews(listener: () => void): () => void
}

/** As stored. */
interface Moments {
  readonly everything: number
  readonly clients: Readonly<Record<string, number>>
  /** The longest life that any server on this store has given anything; absent in a record of an earlier version. */
  readonly longestSeconds?: number
}

export interface NotBeforeParts {
  readonly store: Store
  readonly revocationLog: EndingNews
  /** The longest life that this server gives anything. */
  readonly longestSeconds: number
}

const NONE: Moments = { everything: 0, clients: {}, longestSeconds: 0 }
const PAGE = 500
// More than the clocks of two servers can differ.
const MARGIN_SECONDS = 86_400

/** Loads the marks from the store. Throws `StoreUnavailable`. */
export async function openNotBefore({ store, revocationLog, longestSeconds }: NotBeforeParts): Promise<NotBefore> {
  const ofClients = new Map<string, number>()
  let ofEverything = 0
  let cursor: string | undefined

  // The log first: a mark that is announced while the record is read is then in one of the two.
  revocationLog.onNews(follow)
  follow()
  // Before this server gives anything such a life.
  await keep((moments) => withLongest(moments, longestSeconds))

  return {
    async raise(before, clientId) {
      await keep((moments) =>
        clientId === undefined ? withEverything(moments, before) : withClients(moments, before, [clientId]),
      )
      note(before, clientId)
    },

    async raiseAll(before, clientIds) {
      await keep((moments) => withClients(moments, before, clientIds))
      for (const clientId of clientIds) note(before, clientId)
    },

    covers({ clientId, issuedAt = 0 }) {
      if (issuedAt < ofEverything) return true
      const before = clientId === undefined ? undefined : ofClients.get(clientId)
      return before !== undefined && issuedAt < before
    },
  }

  function note(before: number, clientId?: string): void {
    if (clientId === undefined) ofEverything = Math.max(ofEverything, before)
    else ofClients.set(clientId, Math.max(ofClients.get(clientId) ?? 0, before))
  }

  function follow(): void {
    for (let more = true; more; ) {
      const page = revocationLog.read(cursor, PAGE)
      for (const { before, client_id: clientId, sub, tokens_only: tokensOnly } of page.entries) {
        // Entries of the log that cover access tokens alone end no grant.
        if (before !== undefined && sub === undefined && tokensOnly !== true) note(before, clientId)
      }
      cursor = page.cursor
      more = page.more
    }
  }

  async function read(): Promise<{ moments: Moments; entry: Entry | undefined }> {
    const entry = await store.get(keys.notBefore())
    return { moments: entry ? (JSON.parse(entry.value) as Moments) : NONE, entry }
  }

  /** A mark never moves back, also when several nodes move it at the same time. */
  async function keep(raised: (moments: Moments) => Moments | undefined): Promise<void> {
    for (;;) {
      const { moments, entry } = await read()
      takeOver(moments)
      const next = raised(moments)
      if (next === undefined) return
      const value = JSON.stringify(withoutOld(next))
      if ((await store.put(keys.notBefore(), value, { ...over(entry), ending: true })) === 'stored') return
    }
  }

  /** Also forgets here what covers nothing any more. */
  function takeOver(moments: Moments): void {
    note(moments.everything)
    for (const [clientId, before] of Object.entries(moments.clients)) note(before, clientId)
    const latest = latestWithoutEffect(moments)
    for (const [clientId, before] of ofClients) if (before <= latest) ofClients.delete(clientId)
  }

  function withoutOld(moments: Moments): Moments {
    const latest = latestWithoutEffect(moments)
    const kept = Object.entries(moments.clients).filter(([, before]) => before > latest)
    return { ...moments, clients: Object.fromEntries(kept) }
  }
}

/**
 * A mark of a client that lies no later covers nothing that is alive. Judged by the newest mark, which has the time of the
 * servers, and by no clock: this node's may be wrong.
 */
function latestWithoutEffect({ everything, clients, longestSeconds = Number.POSITIVE_INFINITY }: Moments): number {
  const newest = Object.values(clients).reduce((latest, one) => Math.max(latest, one), everything)
  return Math.max(everything, newest - longestSeconds - MARGIN_SECONDS)
}

/** `undefined` where nothing is raised. */
function withEverything(moments: Moments, before: number): Moments | undefined {
  return moments.everything >= before ? undefined : { ...moments, everything: before }
}

function withClients(moments: Moments, before: number, clientIds: readonly string[]): Moments | undefined {
  const raised = clientIds.filter((clientId) => (moments.clients[clientId] ?? 0) < before)
  if (raised.length === 0) return undefined
  return { ...moments, clients: { ...moments.clients, ...Object.fromEntries(raised.map((id) => [id, before])) } }
}

function withLongest(moments: Moments, longestSeconds: number): Moments | undefined {
  return (moments.longestSeconds ?? 0) >= longestSeconds ? undefined : { ...moments, longestSeconds }
}
