/**
 * A Redis Cluster: every slot has a primary, which changes by failover and when slots are moved.
 *
 * Several nodes are asked for the map several times a second; a node that sends us elsewhere corrects it at once.
 */

import type { Redis } from 'ioredis'

import { createClient } from '../connection/client.ts'
import { type ClusterView, parseClusterView } from './cluster-view.ts'
import { nameOf, type RedisLink } from '../connection/link.ts'
import { SLOTS, slotOf } from './slots.ts'
import { openLink, type Topology, type TopologyOptions } from './topology.ts'
import type { RedisNode } from '../connection/url.ts'

const ASK_MS = 300
const ANSWERS_WITHIN_MS = 1000

interface Scout {
  readonly node: RedisNode
  readonly client: Redis
  view: ClusterView | undefined
  isAsking: boolean
}

export class ClusterTopology implements Topology {
  readonly #options: TopologyOptions
  readonly #scouts = new Map<string, Scout>()
  readonly #links = new Map<string, RedisLink>()
  readonly #slots: (RedisLink | undefined)[] = Array.from({ length: SLOTS })
  readonly #timer: NodeJS.Timeout
  #view: ClusterView | undefined

  constructor(options: TopologyOptions) {
    this.#options = options
    for (const node of options.address.nodes) this.#send(node)
    this.#timer = setInterval(() => {
      for (const scout of this.#scouts.values()) void this.#ask(scout)
    }, ASK_MS).unref()
  }

  links(): readonly RedisLink[] {
    return [...this.#links.values()].sort((a, b) => a.name.localeCompare(b.name))
  }

  linkFor(key: string): RedisLink | undefined {
    return this.#slots[slotOf(key)]
  }

  redirected(node: RedisNode, key?: string): RedisLink {
    const link = this.#linkTo(node)
    if (key !== undefined) this.#slots[slotOf(key)] = link
    return link
  }

  /** By number: the name by which a replica is known to the Cluster need not be the one by which its primary knows it. */
  canBePromoted(link: RedisLink, replica: string, inStep: readonly string[]): boolean {
    const left = this.#replicasOf(link) ?? Number.POSITIVE_INFINITY
    return inStep.includes(replica) || left > inStep.length
  }

  isAlone(link: RedisLink): boolean {
    return this.#replicasOf(link) === 0
  }

  get problem(): string | undefined {
    if (this.#view === undefined) return 'no node of the Cluster has answered yet'
    const isServed = this.#view.isOk && this.#slots.every((link) => link !== undefined)
    return isServed ? undefined : 'the Cluster does not serve all of its slots'
  }

  close(): void {
    clearInterval(this.#timer)
    for (const { client } of this.#scouts.values()) client.disconnect()
    for (const link of this.#links.values()) link.close()
    this.#scouts.clear()
    this.#links.clear()
  }

  /** The number of replicas that the majority has not given up; `undefined` without a majority. */
  #replicasOf(link: RedisLink): number | undefined {
    if (this.#view?.isOk !== true) return undefined
    return this.#view.primaries.find(({ node }) => nameOf(node) === link.name)?.replicas
  }

  #send(node: RedisNode): void {
    const client = createClient(node, this.#options.address, ANSWERS_WITHIN_MS)
    const scout: Scout = { node, client, view: undefined, isAsking: false }
    this.#scouts.set(nameOf(node), scout)
    client.on('error', this.#options.onTrouble)
    client.on('ready', () => void this.#ask(scout))
    client.connect().catch(this.#options.onTrouble)
  }

  async #ask(scout: Scout): Promise<void> {
    if (scout.isAsking) return
    scout.isAsking = true
    try {
      const [info, nodes] = await Promise.all([
        scout.client.call('CLUSTER', 'INFO'),
        scout.client.call('CLUSTER', 'NODES'),
      ])
      scout.view = parseClusterView(String(info), String(nodes), scout.node)
    } catch (cause) {
      scout.view = undefined
      if (scout.client.status === 'ready') this.#options.onTrouble(cause)
    } finally {
      scout.isAsking = false
    }
    this.#follow()
  }

  /** The newest view of a node in the majority. Without one, the map stays unchanged. */
  #follow(): void {
    const views = [...this.#scouts.values()].map(({ view }) => view).filter((view) => view !== undefined)
    const [newest] = views.toSorted((a, b) => Number(b.isOk) - Number(a.isOk) || b.epoch - a.epoch)
    if (newest !== undefined) this.#view = newest
    else if (this.#view !== undefined) this.#view = { ...this.#view, isOk: false }
    if (newest?.isOk !== true) return
    this.#sendToAll(newest)
    for (const { node, ranges } of newest.primaries) {
      const link = this.#linkTo(node)
      for (const [first, last] of ranges) this.#slots.fill(link, first, last + 1)
    }
    for (const [name, link] of this.#links) if (!this.#slots.includes(link)) this.#drop(name, link)
  }

  #linkTo(node: RedisNode): RedisLink {
    const known = this.#links.get(nameOf(node))
    if (known !== undefined) return known
    const link = openLink(node, this.#options)
    this.#links.set(link.name, link)
    return link
  }

  #drop(name: string, link: RedisLink): void {
    this.#links.delete(name)
    link.close()
  }

  /** The nodes of the URL may be removed one day. Any node of the Cluster can be asked. */
  #sendToAll({ nodes }: ClusterView): void {
    for (const [name, { node, hasFailed }] of nodes) if (!hasFailed && !this.#scouts.has(name)) this.#send(node)
    const declared = new Set(this.#options.address.nodes.map(nameOf))
    for (const [name, { client }] of this.#scouts) {
      if (nodes.has(name) || declared.has(name)) continue
      client.disconnect()
      this.#scouts.delete(name)
    }
  }
}
