import { describe, expect, it } from 'vitest'

import { limitAddress, limitNetwork } from '../../src/limits/address.ts'

describe('limitAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::5', '2001:db8::/64'],
    ['::1', '::/64'],
    ['::', '::/64'],
    ['1::', '1::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b::/64'],
    ['not an address', 'not an address'],
    ['', ''],
  ])('[S120] counts %s as %s', (ip, subject) => {
    expect(limitAddress(ip)).toBe(subject)
  })

  it('[S120] counts all addresses of one /64 together and the next /64 apart', () => {
    expect(limitAddress('2001:db8:1:2::1')).toBe(limitAddress('2001:db8:1:2:ffff:ffff:ffff:ffff'))
    expect(limitAddress('2001:db8:1:2::1')).not.toBe(limitAddress('2001:db8:1:3::1'))
  })
})

describe('limitNetwork', () => {
  it.each([
    ['192.0.2.1', '192.0.2.0/24'],
    ['::ffff:192.0.2.255', '192.0.2.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:db8:1:ffff::', '2001:db8:1::/48'],
    ['::1', '::/48'],
    ['not an address', 'not an address'],
  ])('[A10] counts %s to %s', (ip, network) => {
    expect(limitNetwork(ip)).toBe(network)
  })
})
