/**
 * A network of named parties on the loopback interface, which can be split.
 *
 * Each party connects from an address of its own (127.77.x.y), and each server stands behind a front that sees from
 * which address a connection comes. A split keeps what is sent between its two sides until it heals, as a real network
 * does: connections stay, nothing arrives, and what was sent before arrives late.
 */

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface Network {
  /** The address from which this party has to connect. */
  addressOf(party: string): string
  /** Starts a proxy in front of a server of this party; resolves with the port to be announced. */
  front(party: string, targetPort: number): Promise<number>
  /** Separates these parties from all others. */
  split(minority: readonly string[]): void
  heal(): void
  close(): Promise<void>
}

interface Link {
  readonly from: string
  readonly to: string
  readonly client: Socket
  readonly target: Socket
}

/** Who connects from an address that no party has: the tests themselves. They are never cut off. */
const OUTSIDE = 'outside'

export function createNetwork(): Network {
  const addresses = new Map<string, string>()
  const servers: Server[] = []
  const links = new Set<Link>()
  let minority: readonly string[] = []

  function addressOf(party: string): string {
    const known = addresses.get(party)
    if (known !== undefined) return known
    const address = `127.77.0.${addresses.size + 1}`
    addresses.set(party, address)
    return address
  }

  function partyAt(address: string | undefined): string {
    return [...addresses].find(([, known]) => known === address)?.[0] ?? OUTSIDE
  }

  function isOpen({ from, to }: Link): boolean {
    return from === OUTSIDE || minority.includes(from) === minority.includes(to)
  }

  function apply(link: Link): void {
    for (const socket of [link.client, link.target]) {
      if (isOpen(link)) socket.resume()
      else socket.pause()
    }
  }

  function open(client: Socket, to: string, targetPort: number): void {
    const link = { from: partyAt(client.remoteAddress), to, client, target: connect(targetPort, '127.0.0.1') }
    const end = () => {
      client.destroy()
      link.target.destroy()
      links.delete(link)
    }
    links.add(link)
    relay(client, link.target)
    relay(link.target, client)
    for (const socket of [client, link.target]) socket.setNoDelay(true).on('error', end).on('close', end)
    apply(link)
  }

  return {
    addressOf,
    async front(party, targetPort) {
      const server = createServer((client) => open(client, party, targetPort))
      servers.push(server)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return (server.address() as { port: number }).port
    },
    split(parties) {
      minority = parties
      for (const link of links) apply(link)
    },
    heal() {
      minority = []
      for (const link of links) apply(link)
    },
    async close() {
      for (const server of servers) server.close()
      for (const { client, target } of links) {
        client.destroy()
        target.destroy()
      }
    },
  }
}

function relay(from: Socket, to: Socket): void {
  from.on('data', (chunk) => void (to.writable && to.write(chunk)))
}
