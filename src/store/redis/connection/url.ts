/**
 * Where Redis is, read from one URL.
 *
 * ```
 * redis://[user:password@]host[:port][/db]            standalone; rediss:// with TLS
 * redis+sentinel://[user:password@]h1[:p1],h2/name[/db]   Sentinel; rediss+sentinel:// with TLS
 * redis+cluster://[user:password@]h1[:p1],h2          Cluster; rediss+cluster:// with TLS
 * ```
 */

import { ConfigInvalid } from '../../../faults/start.ts'

export interface RedisNode {
  readonly host: string
  readonly port: number
}

export interface RedisAddress {
  readonly kind: 'standalone' | 'sentinel' | 'cluster'
  /** The server itself, the sentinels, or some nodes of the Cluster. */
  readonly nodes: readonly [RedisNode, ...RedisNode[]]
  /** The name of the primary at the Sentinels. */
  readonly name: string
  readonly db: number
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

const SHAPE =
  /^redis(?<tls>s?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?#@]+)(?:\/(?<path>[^?#]*))?$/
const HOST = /^(?<host>\[[0-9a-f:.]+\]|[^:[\]]+)(?::(?<port>\d{1,5}))?$/i

const PORT = { standalone: 6379, sentinel: 26_379, cluster: 6379 } as const

/** Throws `ConfigInvalid`, whose sentence repeats nothing of the URL, for it may hold a password. */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = SHAPE.exec(url.trim())?.groups
  if (parts === undefined) throw refusal()
  const kind = (parts.kind ?? 'standalone') as RedisAddress['kind']
  const [first, ...others] = (parts.hosts ?? '').split(',').map((host) => parseNode(host, PORT[kind]))
  if (first === undefined || (kind === 'standalone' && others.length > 0)) throw refusal()
  return {
    kind,
    nodes: [first, ...others],
    ...parsePath(kind, parts.path ?? ''),
    tls: parts.tls === 's',
    username: decoded(parts.user),
    password: decoded(parts.password),
  }
}

function parseNode(text: string, defaultPort: number): RedisNode {
  const parts = HOST.exec(text)?.groups
  const port = Number(parts?.port ?? defaultPort)
  if (parts?.host === undefined || port < 1 || port > 65_535) throw refusal()
  return { host: parts.host.replace(/^\[|\]$/g, ''), port }
}

function parsePath(kind: RedisAddress['kind'], path: string): { name: string; db: number } {
  const steps = path.split('/').filter((step) => step !== '')
  const name = kind === 'sentinel' ? steps.shift() : ''
  const db = Number(steps.shift() ?? 0)
  const isWhole = Number.isInteger(db) && db >= 0 && steps.length === 0
  if (name === undefined || !isWhole || (kind === 'cluster' && db !== 0)) throw refusal()
  return { name, db }
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined || text === '' ? undefined : decodeURIComponent(text)
  } catch {
    throw refusal()
  }
}

function refusal(): ConfigInvalid {
  return new ConfigInvalid([
    'REDIS_URL is none of redis://host:6379/0, rediss://host:6379/0, redis+sentinel://h1:26379,h2:26379/name and redis+cluster://h1:6379,h2:6379: write one of these, with a percent-encoded user:password@ before the hosts if Redis requires it.',
  ])
}
