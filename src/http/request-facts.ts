/**
 * The facts of a request, which its headers cannot change.
 *
 * The engine builds URLs from `Host`, `X-Forwarded-Host` and `X-Forwarded-Proto`, so a caller could change discovery.
 * Here these headers are replaced by the values of the issuer. The client's address comes from the connection, or from
 * `X-Forwarded-For` if a trusted proxy (TRUST_PROXY) wrote it.
 */

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

import type { Log } from '../audit/log.ts'

export type StateFacts = (req: IncomingMessage) => void

export interface FactsParts {
  readonly issuer: string
  /** Addresses and networks of the proxies that are believed. */
  readonly trustProxy: readonly string[]
  readonly log: Pick<Log, 'event'>
}

export function createFacts({ issuer, trustProxy, log }: FactsParts): StateFacts {
  const { host, protocol } = new URL(issuer)
  const scheme = protocol.slice(0, -1)
  const trusted = trustedAddresses(trustProxy)
  let isReported = false

  /** Once: a proxy that TRUST_PROXY does not name makes all visitors one visitor to every limit. */
  function reportForwarding(req: IncomingMessage, peer: string): void {
    const header = FORWARDING.find((name) => req.headers[name] !== undefined)
    if (isReported || header === undefined || isTrusted(peer, trusted)) return
    isReported = true
    log.event('proxy_not_trusted', { peer, header })
  }

  return function stateFacts(req) {
    const peer = plain(req.socket.remoteAddress ?? '')
    reportForwarding(req, peer)
    const address = clientAddress(req, peer, trusted)
    req.headers.host = host
    req.headers['x-forwarded-proto'] = scheme
    req.headers['x-forwarded-for'] = address
    delete req.headers['x-forwarded-host']
    delete req.headers.forwarded
    // A request may name a whole URL (RFC 9112 section 3.2.2); its host is as little to be believed as the header.
    if (req.url !== undefined && !req.url.startsWith('/')) req.url = pathOf(req.url)
  }
}

// The headers in which a proxy names the client.
const FORWARDING = ['x-forwarded-for', 'forwarded']

/** The rightmost address that no trusted proxy has: what stands left of it may be invented. */
function clientAddress(req: IncomingMessage, peer: string, trusted: BlockList): string {
  if (!isTrusted(peer, trusted)) return peer
  const forwarded = String(req.headers['x-forwarded-for'] ?? '').split(',')
  let client = peer
  for (const hop of forwarded.map((text) => plain(text.trim())).reverse()) {
    if (isIP(hop) === 0) break
    client = hop
    if (!isTrusted(hop, trusted)) break
  }
  return client
}

/** Whether a peer is a trusted proxy. */
export function createTrust(ranges: readonly string[]): (peer: string) => boolean {
  const trusted = trustedAddresses(ranges)
  return (peer) => isTrusted(plain(peer), trusted)
}

function trustedAddresses(ranges: readonly string[]): BlockList {
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
