/**
 * Browser sessions.
 *
 * A session stands under its `uid`, which stays; the id in the cookie, which changes at every login, only points there.
 * The engine reads a whole session and writes it back whole, so a write is a compare-and-swap: where another request was
 * first, both changes are merged (two applications signing in at once each keep their grant), and where the session has
 * ended meanwhile the write is dropped (a logout is final).
 */

import { isDeepStrictEqual } from 'node:util'
import { type AdapterPayload, Provider } from 'oidc-provider'

import { keys } from '../../store/keys.ts'
import type { Entry, Key } from '../../store/store.ts'
import { requestScope } from '../request/scope.ts'
import { countStranger } from '../request/strangers.ts'
import { type AdapterParts, keptSeconds, type ModelAdapter } from './parts.ts'

// Each lost round means that another request of the same browser got through. A browser has a hundred under way at most
// (RFC 9113 section 6.5.2 recommends no fewer streams, and servers allow no more): a window of many tabs being restored.
const MERGE_ROUNDS = 100
// The id in the cookie is an entry of its own.
const POINTER_BYTES = 300

export function sessionAdapter({ store, sealer, revocation, strangers }: AdapterParts): ModelAdapter {
  return {
    async find(id) {
      const key = keys.sessionId(id)
      const reading = store.get(key)
      requestScope().seen.set(key, reading)
      const pointer = await reading
      return pointer && load(pointer.value, id)
    },

    async findByUid(uid) {
      return load(uid)
    },

    async upsert(id, payload, expiresIn) {
      const ttlSeconds = keptSeconds(expiresIn)
      await Promise.all([
        save(payload, ttlSeconds),
        point(id, payload, ttlSeconds),
        payload.accountId !== undefined && listFor(payload.accountId, payload, ttlSeconds),
      ])
    },

    async destroy(id) {
      // The engine drops the old id before it saves the session under a new one; that ends no session.
      if (Provider.ctx?.oidc?.session && Reflect.get(Provider.ctx.oidc.session, 'oldId') === id) {
        await store.remove([keys.sessionId(id)])
        return
      }
      // By its uid: another request of this browser may have given it another id meanwhile.
      const uid = Provider.ctx?.oidc?.session?.uid ?? (await store.get(keys.sessionId(id)))?.value
      if (uid === undefined) return
      await revocation.endSession(uid, 'logout')
      await store.remove([keys.sessionId(id)])
    },
  }

  /**
   * The list by which an ending of the account finds the session. A logout needs no room for it: the sign-in has listed
   * the session.
   */
  async function listFor(accountId: string, payload: AdapterPayload, ttlSeconds: number): Promise<void> {
    const listed = store.link(keys.accountSessions(accountId), uidOf(payload), ttlSeconds)
    await (isLoggingOut(payload) ? listed.catch(() => undefined) : listed)
  }

  async function load(uid: string, id?: string): Promise<AdapterPayload | undefined> {
    const { seen } = requestScope()
    const key = keys.session(uid)
    const reading = seen.get(key) ?? store.get(key)
    seen.set(key, reading)
    const entry = await reading
    if (entry === undefined) {
      // The page after a logout acknowledges the ending, which another request may have begun without a confirmation.
      if (Provider.ctx?.oidc?.route.startsWith('end_session') === true) await store.confirm(key)
      return undefined
    }
    const payload = open(entry.value, uid)
    if (payload.accountId !== undefined && revocation.hasEnded({ issuedAt: payload.loginTs })) return undefined
    return { ...payload, ...(id === undefined ? {} : { jti: id }) }
  }

  function open(value: string, uid: string): AdapterPayload {
    const { sealedState, ...payload } = JSON.parse(value) as AdapterPayload & { sealedState?: string }
    if (sealedState === undefined) return payload
    return { ...payload, state: JSON.parse(sealer.open(sealedState, keys.session(uid))) as Record<string, unknown> }
  }

  function close({ jti: _id, state, ...payload }: AdapterPayload): string {
    if (state === undefined) return JSON.stringify(payload)
    const sealedState = sealer.seal(JSON.stringify(state), keys.session(uidOf(payload)))
    return JSON.stringify({ ...payload, sealedState })
  }

  async function save(payload: AdapterPayload, ttlSeconds: number): Promise<void> {
    const { seen } = requestScope()
    const uid = uidOf(payload)
    const key = keys.session(uid)
    const read = await seen.get(key)
    // It was read before and is gone now, so it has ended during this request.
    if (seen.has(key) && read === undefined) return
    const saved =
      read === undefined ? await create(key, payload, ttlSeconds) : await mergeIn(key, read, payload, ttlSeconds)
    seen.set(key, Promise.resolve(saved))
  }

  async function create(key: Key, payload: AdapterPayload, ttlSeconds: number): Promise<Entry | undefined> {
    const value = close(payload)
    if (payload.accountId === undefined) countStranger(strangers, value.length + POINTER_BYTES)
    const outcome = await store.put(key, value, { ttlSeconds, ifAbsent: true })
    return outcome === 'stored' ? { value, version: 1 } : undefined
  }

  /** The stored session; `undefined` when it has ended or belongs to another person. */
  async function mergeIn(
    key: Key,
    before: Entry,
    payload: AdapterPayload,
    ttlSeconds: number,
  ): Promise<Entry | undefined> {
    const uid = uidOf(payload)
    let read = before
    let ours = payload
    for (let round = 0; round < MERGE_ROUNDS; round++) {
      const value = close(ours)
      const ending = isLoggingOut(ours)
      const outcome = await store.put(key, value, { ttlSeconds, ifVersion: read.version, ending })
      if (outcome === 'stored') return { value, version: read.version + 1 }
      const theirs = outcome === 'changed' ? await store.get(key) : undefined
      if (theirs === undefined) return undefined
      const stored = open(theirs.value, uid)
      const merged = merge(open(read.value, uid), ours, stored)
      if (merged === undefined) return undefined
      if (tellsNothingNew(merged, stored)) return theirs
      read = theirs
      ours = merged
    }
    throw new Error(`a session was changed by others ${MERGE_ROUNDS} times in a row`)
  }

  /**
   * The cookie's id leads to the session. An id that another request replaced is not restored: an attacker may have it.
   */
  async function point(id: string, payload: AdapterPayload, ttlSeconds: number): Promise<void> {
    const key = keys.sessionId(id)
    const { seen } = requestScope()
    const value = uidOf(payload)
    const condition = (await seen.get(key)) === undefined ? { ifAbsent: true } : { ifPresent: [key] }
    seen.set(key, Promise.resolve({ value, version: 1 }))
    await store.put(key, value, { ttlSeconds, ...condition, ending: isLoggingOut(payload) })
  }
}

/** The page that asks about a logout leaves in the session what its form has to bring back. */
function isLoggingOut({ accountId }: AdapterPayload): boolean {
  return accountId !== undefined && Provider.ctx?.oidc?.route?.startsWith('end_session') === true
}

function uidOf(payload: AdapterPayload): string {
  if (payload.uid === undefined) throw new TypeError('a session without uid')
  return payload.uid
}

/** Our changes to `base` on top of theirs; `undefined` when the session belongs to another person now. */
function merge(base: AdapterPayload, ours: AdapterPayload, theirs: AdapterPayload): AdapterPayload | undefined {
  if (theirs.accountId !== base.accountId && theirs.accountId !== ours.accountId) return undefined
  return {
    ...changed(base, ours, theirs),
    authorizations: changed(base.authorizations ?? {}, ours.authorizations ?? {}, theirs.authorizations ?? {}),
  }
}

/**
 * A session written during this request gets the expiry that this request would give, within the duration of a request.
 */
function tellsNothingNew({ exp: _later, ...ours }: AdapterPayload, { exp: _exp, ...theirs }: AdapterPayload): boolean {
  return isDeepStrictEqual(ours, theirs)
}

function changed<T extends object>(base: T, ours: T, theirs: T): T {
  const merged: T = { ...theirs }
  for (const name of new Set([...Object.keys(base), ...Object.keys(ours)]) as Set<keyof T>) {
    if (isDeepStrictEqual(base[name], ours[name])) continue
    if (name in ours) merged[name] = ours[name]
    else delete merged[name]
  }
  return merged
}
