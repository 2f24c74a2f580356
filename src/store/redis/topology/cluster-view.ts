/** The Cluster as one of its nodes sees it, read from CLUSTER INFO and CLUSTER NODES. */

import type { RedisNode } from '../connection/url.ts'

export interface ClusterView {
  /** Whether the node that was asked is on the side of the majority and sees every slot served. */
  readonly isOk: boolean
  /** Grows with every failover. */
  readonly epoch: number
  readonly primaries: readonly ClusterPrimary[]
  /** All nodes by name, whether or not the Cluster has given them up. */
  readonly nodes: ReadonlyMap<string, { readonly node: RedisNode; readonly hasFailed: boolean }>
}

export interface ClusterPrimary {
  readonly node: RedisNode
  readonly ranges: readonly (readonly [first: number, last: number])[]
  /** How many replicas it has that have not failed. */
  readonly replicas: number
}

/** `asked` is the address of the node that answered: a node may not know its own address. */
export function parseClusterView(info: string, nodes: string, asked: RedisNode): ClusterView {
  const lines = nodes
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => parseLine(line, asked))
  return {
    isOk: info.includes('cluster_state:ok'),
    epoch: Number(/cluster_current_epoch:(\d+)/.exec(info)?.[1] ?? 0),
    primaries: lines
      .filter(({ isPrimary, ranges }) => isPrimary && ranges.length > 0)
      .map(({ id, node, ranges }) => ({
        node,
        ranges,
        replicas: lines.filter(({ primaryId, hasFailed }) => primaryId === id && !hasFailed).length,
      })),
    nodes: new Map(lines.map(({ name, node, hasFailed }) => [name, { node, hasFailed }])),
  }
}

/** `<id> <ip:port@cport[,hostname]> <flags> <primary or -> <ping> <pong> <epoch> <link> <slot> …` */
function parseLine(line: string, asked: RedisNode) {
  const [id = '', place = '', flags = '', primaryId = '-', , , , , ...slots] = line.split(' ')
  const [, host, port] = /^(.*):(\d+)(?:@|$)/.exec(place.split(',')[0] ?? '') ?? []
  const node = { host: host || asked.host, port: Number(port) }
  const named = flags.split(',')
  return {
    id,
    node,
    name: `${node.host}:${node.port}`,
    isPrimary: named.includes('master') && !named.includes('fail'),
    hasFailed: named.includes('fail') || named.includes('noaddr'),
    primaryId,
    ranges: slots.filter((slot) => !slot.startsWith('[')).map(rangeIn),
  }
}

function rangeIn(text: string): readonly [number, number] {
  const [first, last = first] = text.split('-').map(Number)
  return [first as number, last as number]
}
