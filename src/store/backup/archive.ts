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
  /** The live ones. */
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
   * All live records, a batch at a time. SQLite gives the state of one time. Redis gives what existed throughout; a
   * record that changes meanwhile may be old or new. A record may occur twice.
   */
  dump(): AsyncIterable<readonly StoredRecord[]>
  /** Stores records as they are, over existing ones. Records that have expired meanwhile are left out. */
  load(records: readonly StoredRecord[]): Promise<void>
  /** Whether there is nothing but what identifies the store. */
  isEmpty(): Promise<boolean>
  /** Removes everything but what identifies the store. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Records of one store alone are neither dumped nor cleared: its identity, and the data of its health checks. */
export function isOfStore(key: string): boolean {
  return /^(identity|probe[\w-]*|beat|lineage):/.test(key)
}
