/**
 * What is true of a request, whoever claims otherwise.
 *
 * The engine builds URLs from `Host`, `X-Forwarded-Host` and `X-Forwarded-Proto`, so whoever sends them would decide
 * what discovery says. Here they are replaced by what the issuer is. The client's address comes from the connection, or
 * from `X-Forwarded-For` where a trusted proxy (TRUST_PROXY) wrote it.
 */

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

export type StateFacts = (req: IncomingMessage) => void

export function createFacts({ issuer, trustProxy }: { issuer: string; trustProxy: readonly string[] }): StateFacts {
  const { host, protocol } = new URL(issuer)
  const scheme = protocol.slice(0, -1)
  const trusted = trustedAddresses(trustProxy)

  return function stateFacts(req) {
    const address = clientAddress(req, trusted)
    req.headers.host = host
    req.headers['x-forwarded-proto'] = scheme
    req.headers['x-forwarded-for'] = address
    delete req.headers['x-forwarded-host']
    delete req.headers.forwarded
    // A request may name a whole URL (RFC 9112 section 3.2.2); its host is as little to be believed as the header.
    if (req.url !== undefined && !req.url.startsWith('/')) req.url = pathOf(req.url)
  }
}

/** The rightmost address that no trusted proxy has: what stands left of it may be invented. */
function clientAddress(req: IncomingMessage, trusted: BlockList | undefined): string {
  const peer = plain(req.socket.remoteAddress ?? '')
  if (trusted === undefined || !isTrusted(peer, trusted)) return peer
  const forwarded = String(req.headers['x-forwarded-for'] ?? '').split(',')
  let client = peer
  for (const hop of forwarded.map((text) => plain(text.trim())).reverse()) {
    if (isIP(hop) === 0) break
    client = hop
    if (!isTrusted(hop, trusted)) break
  }
  return client
}

function trustedAddresses(ranges: readonly string[]): BlockList | undefined {
  if (ranges.length === 0) return undefined
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return list
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address)
  return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** An IPv4 address that arrived through an IPv6 socket, as IPv4. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}

function pathOf(target: string): string {
  const url = URL.parse(target)
  return url === null ? '/' : url.pathname + url.search
}
