/**
 * Redis with Sentinel: the primary is the one that the Sentinels name, as soon as they name it.
 *
 * In a failover the old primary may continue for seconds, or for as long as a partition lasts, and takes writes that
 * will be lost. It is left as soon as one Sentinel knows a newer one.
 */

import { nameOf, type RedisLink } from '../connection/link.ts'
import { type ListedReplica, type SentinelView, SentinelWatch } from './sentinel-view.ts'
import { openLink, type Topology, type TopologyOptions } from './topology.ts'
import type { RedisNode } from '../connection/url.ts'

// Just after a failover the Sentinels do not know each replica again at once.
const SETTLED_AFTER_MS = 2000

export class SentinelTopology implements Topology {
  readonly #options: TopologyOptions
  readonly #watches: readonly SentinelWatch[]
  #link: RedisLink | undefined
  #linkedMs = 0
  #epoch = -1
  #isClosed = false

  constructor(options: TopologyOptions) {
    this.#options = options
    const { monotonic } = options
    const { nodes, name } = options.address
    this.#watches = nodes.map(
      (node) =>
        new SentinelWatch({ node, name, monotonic, onView: () => this.#follow(), onTrouble: options.onTrouble }),
    )
  }

  links(): readonly RedisLink[] {
    return this.#link === undefined ? [] : [this.#link]
  }

  linkFor(): RedisLink | undefined {
    return this.#link
  }

  redirected(): RedisLink {
    throw new Error('a Redis that is no Cluster sent us elsewhere')
  }

  /**
   * One Sentinel that thinks so is enough, since any of them may lead a failover. While most of them cannot be asked, every
   * replica may have been promoted.
   */
  canBePromoted(link: RedisLink, replica: string): boolean | undefined {
    const views = this.#views()
    if (!this.#isMost(this.#naming(link))) return true
    const listings = views.map(({ replicas }) => replicas.get(replica)).filter((listing) => listing !== undefined)
    return listings.length === 0 ? undefined : listings.some(({ canBePromoted }) => canBePromoted)
  }

  isAlone(link: RedisLink): boolean {
    const naming = this.#naming(link)
    const isSettled = this.#options.monotonic() - this.#linkedMs >= SETTLED_AFTER_MS
    return (
      isSettled &&
      this.#isMost(naming) &&
      !this.#views().some(({ replicas }) => [...replicas.values()].some(isCandidate))
    )
  }

  get problem(): string | undefined {
    return this.#link === undefined ? 'no Sentinel has named a primary yet' : undefined
  }

  close(): void {
    this.#isClosed = true
    for (const watch of this.#watches) watch.close()
    this.#link?.close()
  }

  #follow(): void {
    const named = this.#named()
    if (this.#isClosed || named === undefined) return
    this.#epoch = named.epoch
    if (this.#link?.name === nameOf(named.primary)) return
    this.#link?.close()
    this.#linkedMs = this.#options.monotonic()
    this.#link = openLink(named.primary, this.#options, inStepWith(named.primary, this.#views()))
  }

  /** The newest that any Sentinel says; an older one than before only if most of them agree (after a SENTINEL RESET). */
  #named(): SentinelView | undefined {
    const views = this.#views().toSorted((a, b) => b.epoch - a.epoch)
    const [newest] = views
    if (newest === undefined || newest.epoch >= this.#epoch) return newest
    const agree = views.filter(({ primary }) => nameOf(primary) === nameOf(newest.primary))
    return this.#isMost(agree) ? newest : undefined
  }

  #naming(link: RedisLink): SentinelView[] {
    return this.#views().filter(({ primary }) => nameOf(primary) === link.name)
  }

  #views(): SentinelView[] {
    return this.#watches.map(({ view }) => view).filter((view) => view !== undefined)
  }

  #isMost(views: readonly SentinelView[]): boolean {
    return views.length * 2 > this.#watches.length
  }
}

function isCandidate({ canBePromoted }: ListedReplica): boolean {
  return canBePromoted
}

/** The replicas of which a Sentinel says that they follow this primary and could replace it. */
function inStepWith(primary: RedisNode, views: readonly SentinelView[]): string[] {
  return views
    .filter((view) => nameOf(view.primary) === nameOf(primary))
    .flatMap(({ replicas }) => [...replicas])
    .filter(([, { canBePromoted, isInStep }]) => canBePromoted && isInStep)
    .map(([name]) => name)
}
