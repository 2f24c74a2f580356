/** The events that can befall a store while a server runs on it, and what a server remembers to notice them. */

import type { StoreIdentity } from './identity.ts'

/** What a server knows of the store that it ran on. */
export interface SeenStore {
  readonly id: string
  readonly epoch: number
  /** The highest progress mark that the store had acknowledged. */
  readonly mark: number
}

export type LossKind = 'emptied' | 'replaced' | 'restored' | 'set_back' | 'closed'

export interface StoreLoss {
  readonly kind: LossKind
  /** One sentence for the operator: what happened and what to do. */
  readonly problem: string
  readonly seen: SeenStore
}

/** What a server has to do before it serves on a store that differs from what it remembers. */
export type StoreChange =
  /** Another store, made at `before` (epoch seconds): nothing issued earlier is of this store. */
  | { readonly kind: 'replaced'; readonly before: number }
  /** An earlier state of the same store: what ended and was used since then is not known any more. */
  | { readonly kind: 'set_back'; readonly id: string; readonly epoch: number }

const PROBLEMS: Readonly<Record<LossKind, string>> = {
  emptied:
    'The store was emptied while this server ran: the server starts again on the empty store, and everything that was issued is refused. Restore a backup with `grantor restore` if there is one.',
  replaced:
    'The store was deleted or replaced by another one while this server ran: the server starts again on the store as it is now. Restore a backup with `grantor restore` if this was not intended.',
  restored: 'The store was restored from a backup while this server ran: the server starts again on it.',
  set_back:
    'The store was set back to an earlier state without `grantor restore`: what ended since then is not known any more, so everything issued until now is ended. Use `grantor backup` and `grantor restore`.',
  closed:
    'The store was closed for a restore or by `grantor backup --final`: point the server at the store that now holds the data.',
}

export function lossOf(kind: LossKind, seen: SeenStore): StoreLoss {
  return { kind, seen, problem: PROBLEMS[kind] }
}

/** The loss that the identity in the store shows; `undefined` when it is still the identity that was seen. */
export function lossIn(identity: StoreIdentity | undefined, seen: SeenStore): StoreLoss | undefined {
  if (identity === undefined) return lossOf('emptied', seen)
  if (identity.id !== seen.id) return lossOf(identity.origin === 'restored' ? 'restored' : 'replaced', seen)
  if (identity.state !== 'open') return lossOf('closed', seen)
  // Another server noticed first: it ended everything and raised the epoch.
  return identity.epoch === seen.epoch ? undefined : lossOf('set_back', seen)
}

/** What follows from opening this store, where another server or this one remembers `seen`. */
export function changeSince(identity: StoreIdentity, mark: number, seen: SeenStore): StoreChange | undefined {
  if (identity.id !== seen.id) {
    return identity.origin === 'restored' ? undefined : { kind: 'replaced', before: identity.madeAt }
  }
  // Another server that noticed has raised the epoch after it ended everything.
  if (identity.epoch !== seen.epoch || mark >= seen.mark) return undefined
  return { kind: 'set_back', id: identity.id, epoch: identity.epoch }
}
