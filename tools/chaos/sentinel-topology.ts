/** One primary, two replicas, three Sentinels; every link between two of them goes through the network's fronts. */

import { freePort } from '../../src/testing/free-port.ts'
import { infoOf, type Member, startMember } from './member.ts'
import type { Network } from './network.ts'
import type { ShiftedClock } from './shifted-clock.ts'
import { PERSISTENCE, type Topology, until } from './topology.ts'

const PRIMARY_NAME = 'grantor'
const DATA_SERVERS = 3
const SENTINELS = 3
const DOWN_AFTER_MS = 1000
const FAILOVER_TIMEOUT_MS = 4000

export interface TopologyParts {
  readonly network: Network
  /** A clock for each data server, where clocks are to be wrong. */
  readonly makeClock?: (() => ShiftedClock) | undefined
  /** Further settings of the data servers, as on a command line. */
  readonly settings?: readonly string[]
}

export async function startSentinelTopology(parts: TopologyParts): Promise<Topology> {
  const members: Member[] = []
  while (members.length < DATA_SERVERS) members.push(await startData(parts, members))
  const sentinels: Member[] = []
  for (let i = 0; i < SENTINELS; i++) sentinels.push(await startSentinel(parts.network, i, members[0] as Member))
  const topology = new SentinelTopology(members, sentinels)
  await topology.untilWhole()
  return topology
}

async function startData(parts: TopologyParts, earlier: readonly Member[]): Promise<Member> {
  const [first] = earlier
  // In its file and not on the command line, so that Sentinel can rewrite it before a restart.
  const replicates = first === undefined ? [] : [`replicaof 127.0.0.1 ${first.port}`]
  return startMember({
    name: `redis-${earlier.length}`,
    network: parts.network,
    clock: parts.makeClock?.(),
    settings: [...PERSISTENCE, '--repl-diskless-sync-delay', '0', ...(parts.settings ?? [])],
    announce: (port) => ['replica-announce-ip 127.0.0.1', `replica-announce-port ${port}`, ...replicates],
    ports: { own: await freePort() },
  })
}

async function startSentinel(network: Network, index: number, primary: Member): Promise<Member> {
  return startMember({
    name: `sentinel-${index}`,
    network,
    settings: ['--sentinel'],
    announce: (port) => [
      'sentinel announce-ip 127.0.0.1',
      `sentinel announce-port ${port}`,
      `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primary.port} 2`,
      `sentinel down-after-milliseconds ${PRIMARY_NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${PRIMARY_NAME} ${FAILOVER_TIMEOUT_MS}`,
    ],
    ports: { own: await freePort() },
  })
}

class SentinelTopology implements Topology {
  readonly kind = 'sentinel'
  readonly url: string
  readonly members: readonly Member[]
  readonly #sentinels: readonly Member[]

  constructor(members: readonly Member[], sentinels: readonly Member[]) {
    this.members = members
    this.#sentinels = sentinels
    this.url = `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${PRIMARY_NAME}`
  }

  async primary(): Promise<Member> {
    const primary = await this.#agreed(this.#sentinels.length)
    if (primary === undefined) throw new Error('the Sentinels do not agree on a primary')
    return primary
  }

  async successors(primary: Member): Promise<readonly Member[]> {
    return this.members.filter((member) => member !== primary)
  }

  async planFailover(): Promise<void> {
    // One of them, since each would begin a failover of its own. It refuses until what went before is over.
    const [sentinel] = this.#sentinels
    await until('a planned failover', async () => (await sentinel?.ask('SENTINEL', 'FAILOVER', PRIMARY_NAME)) === 'OK')
  }

  async untilPrimary(other?: Member): Promise<void> {
    await until('a new primary', async () => {
      const primary = await this.#agreed(2)
      return primary !== undefined && primary !== other && (await isPrimary(primary))
    })
  }

  async untilWhole(): Promise<void> {
    await until('all replicas in step and the Sentinels agreed', async () => {
      const primary = await this.#agreed(this.#sentinels.length)
      if (primary === undefined || !(await isPrimary(primary))) return false
      const replicas = this.members.filter((member) => member !== primary)
      const links = await Promise.all(replicas.map((replica) => this.#isReplicaOf(replica, primary)))
      return links.every(Boolean) && (await this.#areSentinelsWhole())
    })
  }

  async reshard(): Promise<void> {
    throw new Error('only a Cluster has slots')
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sentinels, ...this.members].map((member) => member.close()))
  }

  /** The primary that so many Sentinels name. */
  async #agreed(votes: number): Promise<Member | undefined> {
    const ask = (each: Member) => each.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', PRIMARY_NAME)
    const named = (await Promise.all(this.#sentinels.map(ask))) as ([string, string] | undefined)[]
    return this.members.find(({ port }) => named.filter((one) => Number(one?.[1]) === port).length >= votes)
  }

  async #isReplicaOf(replica: Member, primary: Member): Promise<boolean> {
    const role = (await replica.ask('ROLE')) as [string, string, string, string] | undefined
    return role?.[0] === 'slave' && Number(role[2]) === primary.port && role[3] === 'connected'
  }

  async #areSentinelsWhole(): Promise<boolean> {
    const states = await Promise.all(
      this.#sentinels.map(async (each) => {
        const [quorum, master, replicas] = await Promise.all([
          each.ask('SENTINEL', 'CKQUORUM', PRIMARY_NAME),
          each.ask('SENTINEL', 'MASTER', PRIMARY_NAME) as Promise<string[] | undefined>,
          each.ask('SENTINEL', 'REPLICAS', PRIMARY_NAME) as Promise<string[][] | undefined>,
        ])
        const flags = [fieldOf(master, 'flags'), ...(replicas ?? []).map((replica) => fieldOf(replica, 'flags'))]
        const isCalm = flags.length === DATA_SERVERS && flags.every((one) => one === 'master' || one === 'slave')
        return isCalm && String(quorum).startsWith(`OK ${SENTINELS} usable`)
      }),
    )
    return states.every(Boolean)
  }
}

function fieldOf(pairs: readonly string[] | undefined, name: string): string | undefined {
  const at = pairs?.indexOf(name) ?? -1
  return at < 0 ? undefined : pairs?.[at + 1]
}

async function isPrimary(member: Member): Promise<boolean> {
  return (await infoOf(member, 'replication', 'role')) === 'master'
}
