/**
 * Lets a Node process connect to 127.0.0.1 from an address of its own, so that a network can tell who it is.
 *
 * node --import 'file:///…/source-address.ts?address=127.77.0.9' src/main.ts
 */

import { Socket } from 'node:net'

interface Target {
  readonly host?: string
  localAddress?: string
}

/** The argument of `node` for a process that is to connect from this address. */
export function connectingFrom(address: string): string {
  return `--import=${import.meta.url}?address=${address}`
}

const localAddress = new URL(import.meta.url).searchParams.get('address')
if (localAddress !== null) {
  const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket
  const connectFrom = function (this: Socket, ...args: unknown[]): Socket {
    // `net.connect` hands its arguments on as one list.
    const target = [args[0]].flat()[0] as Target
    if (target?.host === '127.0.0.1') target.localAddress = localAddress
    return connect.apply(this, args)
  }
  Socket.prototype.connect = connectFrom as typeof Socket.prototype.connect
}
