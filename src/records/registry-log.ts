/**
 * The log by which every server learns, within a second, which clients and APIs change.
 *
 * A change is announced before it is written and again when it is done. Between the two announcements no server caches
 * what it reads of the changed records, nor for a while when the second one does not come because the writer ended. So
 * no server can keep an old record that nothing makes it drop.
 */

import { monotonicClock, type Clock } from '../base/clock.ts'
import { randomId } from '../base/ids.ts'
import { logs } from '../store/keys.ts'
import type { Store } from '../store/store.ts'

/** What changes: a client, an API, or the other declarations of grantor.yaml. */
export type Name = `client ${string}` | `api ${string}` | 'declared'

export interface RegistryLog {
  /** Announces the change, makes it, and says that it is done. What `write` throws is thrown. */
  change<Result>(names: readonly Name[], write: () => Promise<Result>): Promise<Result>
  /** Whether a change of this may be under way, so that what is read of it must not be kept. */
  isChanging(name: Name): boolean
  /** Calls `listener` when a change begins and when it is done, here or elsewhere; with `undefined` when anything may have changed. */
  onChange(listener: (name: Name | undefined) => void): void
  /** Forgets everything on this server: the store may have lost what was read from it. */
  forgetAll(): void
  close(): void
}

export interface RegistryLogParts {
  readonly store: Store
  readonly clock: Clock
  readonly monotonic?: Clock
}

interface Line {
  /** Names the change, so that its end does not end another one. */
  readonly id: string
  readonly names: readonly Name[]
  readonly done?: true
}

const KEEP_SECONDS = 6 * 3600
// Longer than a writer can be between its announcement and the end of its write: the store answers or fails in seconds.
const UNDER_WAY_MS = 10_000
const NAMES_AT_ONCE = 200
const PAGE = 1000
const LOOK_MS = 1000

/** Opens the log at its end. Throws `StoreUnavailable`. */
export async function openRegistryLog({
  store,
  clock,
  monotonic = monotonicClock,
}: RegistryLogParts): Promise<RegistryLog> {
  const listeners: ((name: Name | undefined) => void)[] = []
  // Which changes of a name are under way, and until when they can be.
  const changing = new Map<Name, Map<string, number>>()
  let lookedAt = clock()

  const unfollow = store.follow(logs.registry, await last(store), ({ value }) => take(JSON.parse(value) as Line))
  const timer = setInterval(look, LOOK_MS).unref()

  return {
    async change(names, write) {
      const id = randomId()
      await announce({ id, names })
      const result = await write()
      // The change is made. A server that does not get the second announcement caches nothing of it for a while, which
      // is correct too.
      await announce({ id, names, done: true }).catch(() => undefined)
      return result
    },

    isChanging: (name) => changing.has(name),

    onChange(listener) {
      listeners.push(listener)
    },

    forgetAll: () => tell(undefined),

    close() {
      unfollow()
      clearInterval(timer)
    },
  }

  async function announce({ names, ...about }: Line): Promise<void> {
    for (let at = 0; at < names.length; at += NAMES_AT_ONCE) {
      const line: Line = { ...about, names: names.slice(at, at + NAMES_AT_ONCE) }
      await store.append(logs.registry, JSON.stringify(line), KEEP_SECONDS)
      take(line)
    }
  }

  function take({ id, names, done }: Line): void {
    for (const name of names) {
      if (done === true) end(name, id)
      else begin(name, id)
      tell(name)
    }
  }

  function begin(name: Name, id: string): void {
    const changes = changing.get(name) ?? new Map<string, number>()
    changing.set(name, changes.set(id, monotonic() + UNDER_WAY_MS))
  }

  function end(name: Name, id: string): void {
    const changes = changing.get(name)
    if (changes?.delete(id) === true && changes.size === 0) changing.delete(name)
  }

  function look(): void {
    const now = monotonic()
    for (const [name, changes] of changing) {
      for (const [id, until] of changes) if (until <= now) end(name, id)
      if (!changing.has(name)) tell(name)
    }
    // A process that was suspended for longer than entries are kept may have missed some.
    const elapsedMs = clock() - lookedAt
    lookedAt = clock()
    if (elapsedMs > (KEEP_SECONDS * 1000) / 2) tell(undefined)
  }

  function tell(name: Name | undefined): void {
    for (const listener of listeners) listener(name)
  }
}

async function last(store: Store): Promise<string | undefined> {
  let cursor: string | undefined
  for (;;) {
    const page = await store.read(logs.registry, cursor, PAGE)
    cursor = page.at(-1)?.cursor ?? cursor
    if (page.length < PAGE) return cursor
  }
}
