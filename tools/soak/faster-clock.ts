/**
 * A world in which time goes faster: `Date` and everything periodic, in each process that begins with this file.
 *
 * Verifiers have times that cannot be shortened. jose waits half a minute between two fetches, ours ten seconds, so no
 * rotation could be hurried below them without changing what is to be shown. Here nothing is changed but the clock, for
 * all alike. What takes time in earnest (an answer, a new engine) takes `speed` times as long by that clock, so the
 * hurry makes it harder for the server and never easier.
 *
 * Timeouts stay as they are, since the machine gets no faster. So does what Redis keeps: by this clock it keeps it longer.
 *
 * node --import 'file:///…/faster-clock.ts?speed=10&since=1700000000000' src/main.ts
 */

export interface FasterClock {
  readonly speed: number
  /** Epoch milliseconds at which this clock and the real one agree; the same in every process. */
  readonly since: number
}

/** Lets time go faster in this process, from now on and for good. */
export function hurry({ speed, since }: FasterClock): void {
  const realNow = Date.now.bind(Date)
  const realSetInterval = globalThis.setInterval
  const now = () => Math.floor(since + (realNow() - since) * speed)
  Date.now = now
  globalThis.Date = new Proxy(Date, {
    construct: (target, args) => Reflect.construct(target, args.length === 0 ? [now()] : args) as object,
  })
  const setInterval = (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    realSetInterval(work, ms / speed, ...args)
  globalThis.setInterval = setInterval as typeof globalThis.setInterval
}

/** The arguments of `node` for a process that is to live in the same world. */
export function hurried({ speed, since }: FasterClock): string {
  return `--import=${import.meta.url}?speed=${speed}&since=${since}`
}

const { searchParams } = new URL(import.meta.url)
if (searchParams.has('speed')) {
  hurry({ speed: Number(searchParams.get('speed')), since: Number(searchParams.get('since')) })
}
