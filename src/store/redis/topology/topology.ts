/**
 * Which primary holds which keys: the part in which one Redis, Redis with Sentinel and a Redis Cluster differ.
 */

import type { Clock } from '../../../base/clock.ts'
import { RedisLink } from '../connection/link.ts'
import { Replicas } from '../connection/replicas.ts'
import type { RedisAddress, RedisNode } from '../connection/url.ts'

export interface TopologyOptions {
  readonly address: RedisAddress
  readonly commandTimeoutMs: number
  /** How many replicas have to confirm a write at least; 0 for none, `undefined` for one while there is one. */
  readonly replicas: number | undefined
  readonly monotonic: Clock
  readonly onReady: (link: RedisLink) => void
  readonly onTrouble: (cause: unknown) => void
  readonly onUnconfirmed: (link: RedisLink) => void
}

export interface Topology {
  /** Every primary, in a stable order; empty while none is known. */
  links(): readonly RedisLink[]
  /** The primary that holds the key. */
  linkFor(key: string): RedisLink | undefined
  /** The link to a node to which another has sent us; with a key, for that key's slot from now on. */
  redirected(node: RedisNode, key?: string): RedisLink
  /**
   * Whether the named replica of the link's primary could be promoted: `false` when the promoting nodes know that it
   * cannot, `undefined` when they do not know it. `inStep` is the primary's report.
   */
  canBePromoted(link: RedisLink, replica: string, inStep: readonly string[]): boolean | undefined
  /** Whether the majority of the promoting nodes reports that no replica is left. */
  isAlone(link: RedisLink): boolean
  /** Why not everything can be reached, in addition to the problems of the links. */
  readonly problem: string | undefined
  close(): void
}

/** A link by the options that all links of a topology share. */
export function openLink(node: RedisNode, options: TopologyOptions, expected: readonly string[] = []): RedisLink {
  const { replicas: fewest, ...shared } = options
  const replicas = new Replicas(fewest)
  replicas.expect(expected)
  const link = new RedisLink({ ...shared, node, replicas })
  link.connect()
  return link
}

/** One server. The operator sets how many replicas confirm; none is promoted automatically. */
export function openStandalone(options: TopologyOptions): Topology {
  const link = openLink(options.address.nodes[0], options)
  return {
    links: () => [link],
    linkFor: () => link,
    redirected: () => link,
    canBePromoted: () => false,
    isAlone: () => false,
    problem: undefined,
    close: () => link.close(),
  }
}
