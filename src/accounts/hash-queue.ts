/**
 * The queue for password hashes.
 *
 * A hash takes a core for some 30 ms and 19 MiB of memory. So few are computed at once, a bounded number waits, and the
 * rest is refused with 503: a crowd that signs in does not slow down tokens. The queue is fair. The callers of one group
 * (a network) take turns with other groups, hold at most half of the places, and lose the newest of them to a group that
 * has fewer. Callers on known devices wait in a line of their own, which strangers cannot enter.
 */

import { LoginsBusy } from '../faults/sign-in.ts'

export interface HashCaller {
  /** Callers of one group share its turns and places: a network of strangers, an account on its known devices. */
  readonly group: string
  readonly isKnown: boolean
}

export interface HashQueue {
  /** Whether the caller's next call would be refused. */
  isFull(caller: HashCaller): boolean
  /** Does the work when it is the caller's turn. Throws `LoginsBusy` when there is no place, or no longer. */
  run<T>(caller: HashCaller, work: () => Promise<T>): Promise<T>
}

export interface HashQueueLimits {
  /** Hashes that are computed at the same time. */
  readonly concurrent: number
  /** Places for those who wait. */
  readonly waiting: number
}

// Of the places for strangers one group holds at most this part.
const GROUP_PART = 1 / 2
// As many places as this part of those for strangers are added for known devices.
const KNOWN_PART = 1 / 4
// Sign-ins of one account on its known devices that may wait at once.
const KNOWN_GROUP_PLACES = 2

export function createHashQueue({ concurrent, waiting }: HashQueueLimits): HashQueue {
  const strangers = createLine(waiting, Math.ceil(waiting * GROUP_PART))
  const known = createLine(Math.ceil(waiting * KNOWN_PART), KNOWN_GROUP_PLACES)
  let running = 0
  let isKnownNext = true

  const lineOf = ({ isKnown }: HashCaller) => (isKnown ? known : strangers)
  const isFull = (caller: HashCaller) => running >= concurrent && lineOf(caller).isFull(caller.group)

  /** The two lines take turns, so that neither can starve the other. */
  function next(): Waiting | undefined {
    const [first, second] = isKnownNext ? [known, strangers] : [strangers, known]
    isKnownNext = !isKnownNext
    return first.next() ?? second.next()
  }

  /** The next one takes over the place, so that no newcomer can slip in between. */
  function leave(): void {
    const waiter = next()
    if (waiter === undefined) running -= 1
    else waiter.resolve()
  }

  return {
    isFull,

    async run(caller, work) {
      if (isFull(caller)) throw new LoginsBusy()
      if (running < concurrent) running += 1
      else await lineOf(caller).wait(caller.group)
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}

type Waiting = PromiseWithResolvers<void>

interface Line {
  isFull(group: string): boolean
  /** Resolves when it is this call's turn; rejects with `LoginsBusy` when its place goes to a group that has fewer. */
  wait(group: string): Promise<void>
  /** Takes the one out whose turn it is. */
  next(): Waiting | undefined
}

function createLine(places: number, placesOfGroup: number): Line {
  // In the order of their turns; a group that had its turn goes to the end.
  const groups = new Map<string, Waiting[]>()
  let length = 0

  const lengthOf = (group: string) => groups.get(group)?.length ?? 0

  function longest(): Waiting[] {
    let found: Waiting[] = []
    for (const waiters of groups.values()) if (waiters.length > found.length) found = waiters
    return found
  }

  /** A place that may be taken for the group: the longest one keeps more even without it. */
  function canDisplace(group: string): boolean {
    return longest().length > lengthOf(group) + 1
  }

  function displace(): void {
    longest().pop()?.reject(new LoginsBusy())
    length -= 1
  }

  return {
    isFull: (group) => lengthOf(group) >= placesOfGroup || (length >= places && !canDisplace(group)),

    wait(group) {
      if (length >= places) displace()
      const waiting = Promise.withResolvers<void>()
      const waiters = groups.get(group)
      if (waiters === undefined) groups.set(group, [waiting])
      else waiters.push(waiting)
      length += 1
      return waiting.promise
    },

    next() {
      const [group, waiters] = groups.entries().next().value ?? []
      if (group === undefined || waiters === undefined) return undefined
      groups.delete(group)
      const waiting = waiters.shift()
      if (waiters.length > 0) groups.set(group, waiters)
      length -= 1
      return waiting
    },
  }
}
