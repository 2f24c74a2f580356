/**
 * The connections of one listener, and who goes when there is no room for another.
 *
 * A process that runs out of file descriptors reaches neither its store nor a new connection, so there is a bound well
 * below. At the bound a newcomer takes the place of the connection that has waited longest without a request under way;
 * a connection that is being served is never closed for another. When half of all places are taken, an address that
 * holds a quarter makes room from its own.
 */

import type { Socket } from 'node:net'

import { monotonicClock } from '../../base/clock.ts'
import { limitAddress } from '../../limits/address.ts'

export interface ConnectionBounds {
  /** The most that are held at once. */
  readonly most: number
  /** The most of one address, while half of all places are taken. */
  readonly mostOfOneAddress: number
  /** Whether an address speaks for many, as a reverse proxy does; it may take all. */
  readonly speaksForMany: (address: string) => boolean
}

export interface ConnectionsParts {
  readonly bounds: ConnectionBounds
  /** Told, at most once a minute, when a connection was closed or refused for want of room. */
  readonly onFull: (held: number) => void
}

export interface Connections {
  /** Takes a new connection, or closes it when all others are being served. */
  admit(socket: Socket): void
  /** A request of it is being answered. */
  serves(socket: Socket): void
  /** Its request has been answered. */
  rests(socket: Socket): void
  /** The number of new connections and requests so far. */
  arrivals(): number
  /** Closes connections that never sent anything. */
  closeSilent(): void
}

const SAY_EVERY_MS = 60_000

export function createConnections({ bounds, onFull }: ConnectionsParts): Connections {
  const addresses = new Map<Socket, string>()
  const counts = new Map<string, number>()
  // In the order in which they began to wait.
  const waiting = new Set<Socket>()
  let arrivals = 0
  let saidAtMs = Number.NEGATIVE_INFINITY

  function admit(socket: Socket): void {
    arrivals += 1
    const peer = socket.remoteAddress
    if (peer === undefined) return
    const address = limitAddress(peer)
    if (!makeRoom(peer, address)) {
      socket.destroy()
      return
    }
    addresses.set(socket, address)
    counts.set(address, (counts.get(address) ?? 0) + 1)
    waiting.add(socket)
    socket.once('close', () => forget(socket))
  }

  function makeRoom(peer: string, address: string): boolean {
    const isGreedy =
      addresses.size * 2 >= bounds.most &&
      (counts.get(address) ?? 0) >= bounds.mostOfOneAddress &&
      !bounds.speaksForMany(peer)
    if (!isGreedy && addresses.size < bounds.most) return true
    say()
    const goes = longestWaiting(isGreedy ? address : undefined)
    if (goes === undefined) return false
    goes.destroy()
    // Its descriptor is free now; the event that it is closed comes later.
    forget(goes)
    return true
  }

  function longestWaiting(address: string | undefined): Socket | undefined {
    for (const socket of waiting) if (address === undefined || addresses.get(socket) === address) return socket
    return undefined
  }

  function forget(socket: Socket): void {
    const address = addresses.get(socket)
    if (address === undefined) return
    addresses.delete(socket)
    waiting.delete(socket)
    const left = (counts.get(address) ?? 1) - 1
    if (left === 0) counts.delete(address)
    else counts.set(address, left)
  }

  function say(): void {
    const nowMs = monotonicClock()
    if (nowMs - saidAtMs < SAY_EVERY_MS) return
    saidAtMs = nowMs
    onFull(addresses.size)
  }

  return {
    admit,
    serves(socket) {
      arrivals += 1
      waiting.delete(socket)
    },
    rests(socket) {
      if (addresses.has(socket)) waiting.add(socket)
    },
    arrivals: () => arrivals,
    closeSilent() {
      for (const socket of waiting) if (socket.bytesRead === 0) socket.destroy()
    },
  }
}

// The store, its files, keys fetched from clients, events pushed to receivers, the operator's port, and what Node opens
// for itself: a server under load was seen to hold some forty.
const KEPT_FREE = 128
// An idle connection takes some 15 KB. A node that holds so many has other things to run out of first.
const MOST = 20_000

/** The bounds for a process that may have this many files open; `undefined` when the number is unknown. */
export function boundsFor(
  fileLimit: number | undefined,
  speaksForMany: ConnectionBounds['speaksForMany'],
): ConnectionBounds {
  const most =
    fileLimit === undefined ? MOST : Math.min(MOST, Math.max(fileLimit - KEPT_FREE, Math.floor(fileLimit / 4)))
  return { most, mostOfOneAddress: Math.ceil(most / 4), speaksForMany }
}

/** The operator's port is asked by few, and must be answered when the public one is full. */
export const OPS_BOUNDS: ConnectionBounds = { most: 32, mostOfOneAddress: 32, speaksForMany: () => true }
