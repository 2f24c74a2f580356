/** Hosts at addresses that only this machine or its own networks reach. */

import { BlockList, isIP } from 'node:net'

/** IANA's registries of special-purpose addresses, as far as a server could be there. */
const NETWORKS: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
]

/**
 * Whether the name alone says so: an address, or a name of this machine. What another name resolves to shows only when
 * something is fetched from there.
 */
export function isPrivateHost(hostname: string): boolean {
  if (/^(?:.+\.)?localhost\.?$/i.test(hostname)) return true
  const address = hostname.replace(/^\[|\]$/g, '').replace(/^::ffff:(?=\d+\.)/i, '')
  const family = isIP(address)
  return family !== 0 && privateAddresses().check(address, family === 6 ? 'ipv6' : 'ipv4')
}

function privateAddresses(): BlockList {
  const list = new BlockList()
  for (const [address, prefix] of NETWORKS) list.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return list
}
