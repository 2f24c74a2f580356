/** Which addresses count as one visitor. */

import { isIPv6 } from 'node:net'

/**
 * The subject under which an address is limited.
 *
 * A household or a rented machine has a whole IPv6 /64, so that is what counts. IPv4 counts as it is, also when it
 * comes mapped into IPv6 (`::ffff:192.0.2.1`, as a dual-stack socket reports it).
 */
export function limitAddress(ip: string): string {
  const [address = ''] = ip.trim().split('%') // a link-local address may name its interface: fe80::1%eth0
  if (!isIPv6(address)) return address
  const groups = groupsOf(address)
  return mappedIpv4(groups) ?? `${groups.slice(0, 4).map(hex).join(':')}::/64`
}

/** The eight 16-bit groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = withoutDots(address).split('::')
  const left = numbers(head)
  const right = numbers(tail ?? '')
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}

/** `::ffff:192.0.2.1` → `::ffff:c000:201`. */
function withoutDots(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    return `${hex(Number(a) * 256 + Number(b))}:${hex(Number(c) * 256 + Number(d))}`
  })
}

function numbers(groups: string): number[] {
  return groups === '' ? [] : groups.split(':').map((group) => Number.parseInt(group, 16))
}

function hex(group: number): string {
  return group.toString(16)
}

function mappedIpv4(groups: readonly number[]): string | undefined {
  const [high = 0, low = 0] = groups.slice(6)
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return mapped ? [high >> 8, high & 255, low >> 8, low & 255].join('.') : undefined
}
