/** The steps on entries of which the verbs of the embedded store are made. A verb runs them inside one transaction. */

import { expiryMs } from '../expiry.ts'
import type { ConsumeOptions, Entry, Key, PutOptions, PutOutcome } from '../store.ts'
import { rowTaken, toEntry } from './rows.ts'
import { type EntryRow, rowIdOf, rowIdsOf, type Statements } from './statements.ts'

export class Entries {
  readonly #sql: Statements

  constructor(sql: Statements) {
    this.#sql = sql
  }

  row(key: Key, nowMs: number): EntryRow | undefined {
    return this.#sql.get.get(rowIdOf(key), key, nowMs) as unknown as EntryRow | undefined
  }

  find(key: Key, nowMs: number): Entry | undefined {
    const row = this.row(key, nowMs)
    return row && toEntry(row, nowMs)
  }

  areLive(keys: readonly Key[] | undefined, nowMs: number): boolean {
    return keys?.every((key) => this.#sql.isLive.get(rowIdOf(key), key, nowMs) !== undefined) ?? true
  }

  refusalOf(key: Key, options: PutOptions, nowMs: number): PutOutcome | undefined {
    if (!this.areLive(options.ifPresent, nowMs)) return 'gone'
    if (options.ifAbsent !== true && options.ifVersion === undefined) return undefined
    const [, , version] = this.row(key, nowMs) ?? []
    if (options.ifAbsent === true && version !== undefined) return 'exists'
    if (options.ifVersion === undefined || options.ifVersion === version) return undefined
    return version === undefined ? 'gone' : 'changed'
  }

  /** Marks the entry as used; false when it is missing or was used before. */
  markUsed(key: Key, by: string, { note, noteSeconds = 0, spent }: ConsumeOptions, nowMs: number): boolean {
    const id = rowIdOf(key)
    // First the record, which takes over the end that the entry has now.
    if (spent !== undefined && this.#sql.spend.run(rowIdOf(spent.in), id, key, nowMs).changes === 0n) return false
    const ends = [expiryMs(nowMs, noteSeconds), expiryMs(nowMs, spent?.keepSeconds)] as const
    return this.#sql.consume.run(nowMs, by, note ?? null, ...ends, id, key).changes === 1n
  }

  remove(key: Key): void {
    const id = rowIdOf(key)
    this.#sql.remove.run(id, key)
    this.#sql.forgetSpent.run(id)
  }

  store(key: Key, value: string, options: PutOptions, nowMs: number): void {
    const refs = options.refs === undefined ? null : rowIdsOf(options.refs)
    const [expiresAtMs, memberOf] = [expiryMs(nowMs, options.ttlSeconds), options.memberOf ?? null]
    const { changes } = this.#sql.put.run(rowIdOf(key), key, value, expiresAtMs, refs, memberOf, nowMs)
    if (changes === 0n) throw rowTaken(key)
  }
}
