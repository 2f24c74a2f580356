/** Three primaries with a replica each; every link between two servers, the cluster bus too, goes through the fronts. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { freePort } from '../../src/testing/free-port.ts'
import { type Member, startMember } from './member.ts'
import type { TopologyParts } from './sentinel-topology.ts'
import { PERSISTENCE, type Topology, until } from './topology.ts'

const run = promisify(execFile)
const SHARDS = 3
const SERVERS = 6
const NODE_TIMEOUT_MS = 2000

export async function startClusterTopology(parts: TopologyParts): Promise<Topology> {
  const members: Member[] = []
  while (members.length < SERVERS) members.push(await startNode(parts, members.length))
  const hosts = members.map(({ port }) => `127.0.0.1:${port}`)
  await run('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-replicas', '1', '--cluster-yes'])
  const topology = new ClusterTopology(members)
  await topology.untilWhole()
  return topology
}

async function startNode(parts: TopologyParts, index: number): Promise<Member> {
  const [own, bus] = [await freePort(), await freePort()]
  const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS)]
  const calm = ['--repl-diskless-sync-delay', '0', '--cluster-replica-validity-factor', '0']
  return startMember({
    name: `redis-${index}`,
    network: parts.network,
    clock: parts.makeClock?.(),
    settings: [...PERSISTENCE, ...cluster, '--cluster-port', String(bus), ...calm, ...(parts.settings ?? [])],
    announce: (port, busPort) => [
      'cluster-announce-ip 127.0.0.1',
      `cluster-announce-port ${port}`,
      `cluster-announce-bus-port ${busPort}`,
    ],
    ports: { own, bus },
  })
}

/** A line of `CLUSTER NODES`. */
interface Known {
  readonly id: string
  readonly port: number
  readonly flags: readonly string[]
  readonly primaryId: string
  readonly slots: readonly string[]
}

class ClusterTopology implements Topology {
  readonly kind = 'cluster'
  readonly url: string
  readonly members: readonly Member[]

  constructor(members: readonly Member[]) {
    this.members = members
    this.url = `redis+cluster://${members.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
  }

  async primary(chance: number): Promise<Member> {
    const primaries = await this.#primaries(this.members)
    return primaries[Math.floor(chance * primaries.length)] ?? (primaries[0] as Member)
  }

  async successors(primary: Member): Promise<readonly Member[]> {
    const known = await this.#known(primary)
    const own = known.find(({ port }) => port === primary.port)
    const replicas = known.filter(({ primaryId }) => primaryId === own?.id)
    return replicas.map(({ port }) => this.#memberAt(port)).filter((member) => member !== undefined)
  }

  async planFailover(primary: Member): Promise<void> {
    const [replica] = await this.successors(primary)
    await until('a planned failover', async () => (await replica?.ask('CLUSTER', 'FAILOVER')) === 'OK')
  }

  async untilPrimary(other?: Member): Promise<void> {
    const witnesses = this.members.filter((member) => member !== other)
    await until('a primary for every slot', async () => {
      const states = await Promise.all(witnesses.map((each) => this.#servesAll(each, other)))
      return states.filter(Boolean).length > witnesses.length / 2 && (await this.#answer(witnesses))
    })
  }

  async untilWhole(): Promise<void> {
    await until('all replicas in step and the Cluster agreed', async () => {
      const states = await Promise.all(this.members.map((member) => this.#isWhole(member)))
      return states.every(Boolean)
    })
  }

  async reshard(from: Member, slots: number): Promise<void> {
    const known = await this.#known(from)
    const source = known.find(({ port }) => port === from.port)
    const target = known.find(({ flags, slots: held, id }) => isHolder({ flags, slots: held }) && id !== source?.id)
    const which = ['--cluster-from', source?.id ?? '', '--cluster-to', target?.id ?? '']
    const where = `127.0.0.1:${from.port}`
    await run('redis-cli', ['--cluster', 'reshard', where, ...which, '--cluster-slots', String(slots), '--cluster-yes'])
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()))
  }

  #memberAt(port: number | undefined): Member | undefined {
    return this.members.find((member) => member.port === port)
  }

  async #known(member: Member): Promise<Known[]> {
    return toKnown(String((await member.ask('CLUSTER', 'NODES')) ?? ''))
  }

  /** As most of these see it. */
  async #primaries(witnesses: readonly Member[]): Promise<Member[]> {
    for (const witness of witnesses) {
      const holders = (await this.#known(witness)).filter(isHolder)
      const members = holders.map(({ port }) => this.#memberAt(port)).filter((member) => member !== undefined)
      if (members.length >= SHARDS) return members
    }
    throw new Error('no server of the Cluster knows its primaries')
  }

  async #servesAll(witness: Member, other: Member | undefined): Promise<boolean> {
    const info = String((await witness.ask('CLUSTER', 'INFO')) ?? '')
    const known = await this.#known(witness)
    const isStill = known.some((one) => one.port === other?.port && isHolder(one))
    return info.includes('cluster_state:ok') && !isStill
  }

  async #answer(witnesses: readonly Member[]): Promise<boolean> {
    const primaries = await this.#primaries(witnesses).catch(() => [])
    const roles = await Promise.all(primaries.map((primary) => primary.ask('ROLE')))
    return roles.length >= SHARDS && roles.every((role) => (role as string[] | undefined)?.[0] === 'master')
  }

  async #isWhole(member: Member): Promise<boolean> {
    const [info, role, known] = await Promise.all([
      member.ask('CLUSTER', 'INFO'),
      member.ask('ROLE') as Promise<[string, unknown, unknown, string] | undefined>,
      this.#known(member),
    ])
    const isLinked = role?.[0] === 'master' || role?.[3] === 'connected'
    const areWell = known.every(({ flags }) => !flags.some((flag) => flag.startsWith('fail')))
    const hasReplicas = known.filter(isHolder).every(({ id }) => known.some(({ primaryId }) => primaryId === id))
    return String(info).includes('cluster_state:ok') && isLinked && areWell && hasReplicas && known.length === SERVERS
  }
}

function toKnown(lines: string): Known[] {
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', address = '', flags = '', primaryId = '', , , , , ...slots] = line.split(' ')
      const port = Number(/:(\d+)@/.exec(address)?.[1])
      return { id, port, flags: flags.split(','), primaryId, slots }
    })
}

function isHolder({ flags, slots }: Pick<Known, 'flags' | 'slots'>): boolean {
  return flags.includes('master') && !flags.includes('fail') && slots.length > 0
}
