/**
 * How many entries of the revocation log belong to one subject, and to one grant.
 *
 * The log is bounded by what exists, not by the number of calls: an owner with many entries gets one entry that covers
 * all of them (see revoke.ts). Entries that this node is still writing count too, so many endings at the same time do
 * not exceed the bound.
 */

/** The owner of an entry. Kept in the store's log with the entry; never sent to verifiers. */
export interface EntryOwner {
  /** The `sub` of the tokens that the entry covers. */
  readonly sub?: string | undefined
  /** The `gid` of the one token that the entry covers. */
  readonly gid?: string | undefined
}

export interface EntryCounts {
  add(owner: EntryOwner): void
  remove(owner: EntryOwner): void
  ofSubject(sub: string): number
  ofGrant(gid: string): number
}

export function createEntryCounts(): EntryCounts {
  const counts = new Map<string, number>()

  return {
    add: (owner) => change(owner, 1),
    remove: (owner) => change(owner, -1),
    ofSubject: (sub) => counts.get(`sub ${sub}`) ?? 0,
    ofGrant: (gid) => counts.get(`gid ${gid}`) ?? 0,
  }

  function change({ sub, gid }: EntryOwner, by: number): void {
    if (sub !== undefined) changeOne(`sub ${sub}`, by)
    if (gid !== undefined) changeOne(`gid ${gid}`, by)
  }

  function changeOne(owner: string, by: number): void {
    const count = (counts.get(owner) ?? 0) + by
    if (count > 0) counts.set(owner, count)
    else counts.delete(owner)
  }
}
