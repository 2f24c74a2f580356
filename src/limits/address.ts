/** Which addresses count as one visitor, and which as one network. */

import ipaddr from 'ipaddr.js'
import { isIP } from 'node:net'

/** The length of the prefix that is counted as one, for each family of addresses. */
interface PrefixLengths {
  readonly ipv4: number
  readonly ipv6: number
}

// A household or a rented machine has a whole IPv6 /64. Each IPv4 address counts alone.
const ADDRESS: PrefixLengths = { ipv4: 32, ipv6: 64 }

// A provider gives one customer an IPv6 /48 (65,536 times /64) on request. An IPv4 /24 is the smallest network that is
// routed on its own.
const NETWORK: PrefixLengths = { ipv4: 24, ipv6: 48 }

/** The visitor behind an address: `192.0.2.1`, `2001:db8:1:2::/64`. A text that is no address stays as it is. */
export function limitAddress(ip: string): string {
  return prefixOf(ip, ADDRESS)
}

/** The network that an address belongs to: `192.0.2.0/24`, `2001:db8:1::/48`. */
export function limitNetwork(ip: string): string {
  return prefixOf(ip, NETWORK)
}

function prefixOf(ip: string, lengths: PrefixLengths): string {
  const text = ip.trim()
  if (isIP(text) === 0) return text
  // IPv4 is IPv4 also when a dual-stack socket reports it mapped into IPv6 (`::ffff:192.0.2.1`).
  const address = ipaddr.process(text)
  const length = lengths[address.kind()]
  const bytes = address.toByteArray().map((byte, at) => byte & maskAt(at, length))
  const network = ipaddr.fromByteArray(bytes).toString()
  return length === 32 ? network : `${network}/${length}`
}

/** The mask of one byte of a prefix: all bits of those before the prefix ends, none of those after. */
function maskAt(byte: number, prefixLength: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - byte * 8))
  return (0xff << (8 - bits)) & 0xff
}
