/**
 * All that a store holds, as records that are the same for every maker: what a backup is made of.
 *
 * Two makers keep this contract, for SQLite and for Redis; test/contracts/archive.ts holds both to it, and to each other.
 */

import type { Key } from '../store.ts'

export type StoredRecord = StoredEntry | StoredLink | StoredSpent | StoredLogEntry

/** Moments are epoch milliseconds of the injected clock. Without `endsAtMs` an entry stays until it is removed. */
export interface StoredEntry {
  readonly kind: 'entry'
  readonly key: Key
  readonly value: string
  readonly version: number
  readonly endsAtMs?: number
  /** Those that are alive. */
  readonly refs?: readonly Key[]
  readonly memberOf?: Key
  readonly consumed?: {
    readonly atMs: number
    readonly by: string
    readonly note?: string
    readonly noteEndsAtMs?: number
  }
}

/** A member of an index that was linked to it; entries name their index themselves. */
export interface StoredLink {
  readonly kind: 'link'
  readonly index: Key
  readonly member: string
  readonly endsAtMs: number
}

/** A consumed entry of which a record remembers only this (see `ConsumeOptions.spent`). */
export interface StoredSpent {
  readonly kind: 'spent'
  readonly record: Key
  /** The first 64 bits of the SHA-256 of its key, in hexadecimal. */
  readonly tag: string
  readonly endsAtMs: number
}

/** The entries of a log come in their order. */
export interface StoredLogEntry {
  readonly kind: 'log'
  readonly log: string
  readonly value: string
  readonly endsAtMs: number
}

export interface Archive {
  /**
   * All that is alive, a batch at a time. From SQLite the state of one moment; from Redis what was there throughout, while
   * what changes meanwhile may be given as it was before or after. A record may come twice.
   */
  dump(): AsyncIterable<readonly StoredRecord[]>
  /** Stores records as they are, over what is there. Those that have expired meanwhile are left out. */
  load(records: readonly StoredRecord[]): Promise<void>
  /** Whether there is nothing but what identifies the store. */
  isEmpty(): Promise<boolean>
  /** Removes everything but what identifies the store. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** What is of one store alone is neither dumped nor cleared: its identity, and what its health is judged by. */
export function isOfStore(key: string): boolean {
  return /^(identity|probe[\w-]*|beat|lineage):/.test(key)
}
