/**
 * The queue for password hashes.
 *
 * A hash takes a core for about 30 ms and 19 MiB of memory. So only a few are computed at once, a bounded number waits,
 * and the rest is refused with 503. Many sign-ins at once do not slow down tokens. The queue is fair. The callers of
 * one group (a network) take turns with other groups and hold at most half of the places. When the queue is full, the
 * newest caller of the largest group loses its place to a group that has fewer. Callers on known devices wait in a
 * second line, which other callers cannot enter.
 */

import { LoginsBusy } from '../faults/sign-in.ts'

export interface HashCaller {
  /** Callers of one group share turns and places. A group is a network, or an account on its known devices. */
  readonly group: string
  readonly isKnown: boolean
}

export interface HashQueue {
  /** Whether the caller's next call would be refused. */
  isFull(caller: HashCaller): boolean
  /** Runs the work at the caller's turn. Throws `LoginsBusy` when no place is free, or when the place is lost. */
  run<T>(caller: HashCaller, work: () => Promise<T>): Promise<T>
}

export interface HashQueueLimits {
  /** Hashes that are computed at the same time. */
  readonly concurrent: number
  /** Places for waiting callers. */
  readonly waiting: number
}

// One group holds at most this part of the places of the first line.
const GROUP_PART = 1 / 2
// Known devices have as many places as this part of the first line.
const KNOWN_PART = 1 / 4
// How many sign-ins of one account on its known devices may wait at once.
const KNOWN_GROUP_PLACES = 2

export function createHashQueue({ concurrent, waiting }: HashQueueLimits): HashQueue {
  const strangers = createLine(waiting, Math.ceil(waiting * GROUP_PART))
  const known = createLine(Math.ceil(waiting * KNOWN_PART), KNOWN_GROUP_PLACES)
  let running = 0
  let isKnownNext = true

  const lineOf = ({ isKnown }: HashCaller) => (isKnown ? known : strangers)
  const isFull = (caller: HashCaller) => running >= concurrent && lineOf(caller).isFull(caller.group)

  /** The two lines take turns, so neither can starve the other. */
  function next(): Waiting | undefined {
    const [first, second] = isKnownNext ? [known, strangers] : [strangers, known]
    isKnownNext = !isKnownNext
    return first.next() ?? second.next()
  }

  /** The next caller takes over the running place, so a newcomer cannot overtake it. */
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
  /** Resolves at this call's turn. Rejects with `LoginsBusy` when its place goes to a group that has fewer. */
  wait(group: string): Promise<void>
  /** Removes and returns the call whose turn it is. */
  next(): Waiting | undefined
}

function createLine(places: number, placesOfGroup: number): Line {
  // Groups in the order of their turns. After its turn a group goes to the end.
  const groups = new Map<string, Waiting[]>()
  let length = 0

  const lengthOf = (group: string) => groups.get(group)?.length ?? 0

  function longest(): Waiting[] {
    let found: Waiting[] = []
    for (const waiters of groups.values()) if (waiters.length > found.length) found = waiters
    return found
  }

  /** A place that may be taken for the group: the largest group keeps more even without it. */
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
