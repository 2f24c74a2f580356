/**
 * Every setting that is read from the environment, declared once: what it is for, what it wants, what it is when unset.
 *
 * docs/settings.md is compared with this table by a test. A setting marked `secret` may also be given as the path of a
 * file in `<NAME>_FILE`, as container platforms mount them; its value is never shown.
 */

import { BlockList, isIP } from 'node:net'

import { z } from 'zod'

import { decodeRootKey } from '../../registry/secrets/secrets.ts'

export interface Setting<Value> {
  /** One sentence of documentation. */
  readonly sentence: string
  /** Completes "it wants …". */
  readonly wants: string
  readonly schema: z.ZodType<Value, string>
  readonly secret: boolean
  /** The value when unset, as it would be written; absent when there is none. */
  readonly development?: string
  readonly production?: string
  /** For the documentation, when the default is not a plain value. */
  readonly unset?: string
}

export const SETTINGS = {
  NODE_ENV: setting({
    sentence: 'In production every development convenience is refused and nothing may be missing.',
    wants: 'production or development',
    schema: z.enum(['production', 'development', 'test']),
    development: 'development',
    production: 'production',
    unset: 'development',
  }),
  PORT: setting({
    sentence: 'The port for browsers, applications and APIs; 0 takes any free one and then needs ISSUER.',
    wants: 'a port number from 0 to 65535',
    schema: integer(0, 65_535),
    development: '3000',
    production: '3000',
  }),
  HOST: setting({
    sentence: 'The address to listen on; in development beyond this machine only without the demo seed.',
    wants: 'an IP address or a host name',
    schema: host(),
    development: '127.0.0.1',
    production: '0.0.0.0',
  }),
  ISSUER: setting({
    sentence: 'The address under which browsers, applications and APIs reach the server; every token has it as `iss`.',
    wants: 'scheme, host and optional port, without path or trailing slash, such as https://auth.example.com',
    schema: z.string(),
    unset: 'http://localhost:PORT in development, required in production',
  }),
  REDIS_URL: setting({
    sentence: 'The Redis that several servers share; without it the embedded store in DATA_DIR is used.',
    wants: 'redis://host, rediss://host, redis+sentinel://host,host/name or redis+cluster://host,host',
    schema: redisUrl(),
    secret: true,
    unset: 'the embedded store',
  }),
  REDIS_REPLICAS: setting({
    sentence:
      'How many Redis replicas must confirm a write before it is acknowledged; more where more could be promoted (see docs/redis.md).',
    wants: 'a whole number from 0 to 5',
    schema: integer(0, 5),
    unset: 'with Sentinel or Cluster 1 while one is left, with a single Redis 0',
  }),
  DATA_DIR: setting({
    sentence: 'The folder of the embedded store.',
    wants: 'the path of a folder',
    schema: z.string(),
    development: 'data',
    production: 'data',
  }),
  DATA_DIR_FREE_MB: setting({
    sentence: 'With less free space in DATA_DIR nothing new is issued, so that revocations can always be recorded.',
    wants: 'a whole number of megabytes from 16 to 1000000',
    schema: integer(16, 1_000_000),
    unset: '64, or an eighth of the disk where that is less',
  }),
  WORKERS: setting({
    sentence: 'How many server processes to run on this machine.',
    wants: 'a whole number from 1 to 64',
    schema: integer(1, 64),
    development: '1',
    production: '1',
  }),
  STOP_DELAY_SECONDS: setting({
    sentence:
      'How long a server that was told to stop is unready and still serves, so that balancers notice. Then it has 8 seconds to finish.',
    wants: 'a whole number from 0 to 300',
    schema: integer(0, 300),
    development: '0',
    production: '5',
  }),
  OPS_PORT: setting({
    sentence: 'The port of the operator, for health checks. 0 takes any free one.',
    wants: 'a port number from 0 to 65535, other than PORT',
    schema: integer(0, 65_535),
    development: '9000',
    production: '9000',
  }),
  OPS_HOST: setting({
    sentence: 'The address that the operator’s port listens on; nothing there asks who is calling.',
    wants: 'an IP address or a host name',
    schema: host(),
    development: '127.0.0.1',
    production: '127.0.0.1',
  }),
  LOG_LEVEL: setting({
    sentence: 'How much is logged.',
    wants: 'silent, error, warn, info or debug',
    schema: z.enum(['silent', 'error', 'warn', 'info', 'debug']),
    development: 'info',
    production: 'info',
  }),
  TRUST_PROXY: setting({
    sentence:
      'The reverse proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas; none: there is no proxy.',
    wants: 'addresses or networks such as 10.0.0.0/8,::1, and not every address there is, or none',
    schema: networks(),
    unset: 'none in development, required in production',
  }),
  FETCH_PRIVATE_HOSTS: setting({
    sentence:
      'Hosts at private addresses from which the server may fetch the keys of clients (jwks_uri), separated by commas; none: from public addresses alone.',
    wants: 'host names or addresses such as keys.internal,10.0.0.7, or none',
    schema: hostNames(),
    development: 'localhost,127.0.0.1,[::1]',
    production: 'none',
  }),
  GRANTOR_ROOT_KEY: setting({
    sentence: 'The key that seals what is stored: 32 random bytes, the same on every server of one store.',
    wants: '32 random bytes in base64 or hex: make one with `openssl rand -base64 32`',
    schema: rootKey(),
    secret: true,
    unset: 'generated into GRANTOR_KEYS_DIR in development, required in production',
  }),
  GRANTOR_ROOT_KEY_NEXT: setting({
    sentence: 'During a replacement of the root key: the new one (see docs/keys.md).',
    wants: '32 random bytes in base64 or hex: make one with `openssl rand -base64 32`',
    schema: rootKey(),
    secret: true,
    unset: 'no replacement is under way',
  }),
  GRANTOR_KEYS_DIR: setting({
    sentence: 'The folder for the root key that development generates.',
    wants: 'the path of a folder',
    schema: z.string(),
    development: 'keys',
    production: 'keys',
  }),
  GRANTOR_CONFIG: setting({
    sentence: 'The file that declares clients, APIs and lifetimes.',
    wants: 'the path of a readable grantor.yaml that lists at least one client',
    schema: z.string(),
    unset: 'grantor.yaml where the server is started, if there is one; required in production',
  }),
  GRANTOR_ALLOW_DELETE: setting({
    sentence:
      'Whether a server that starts, or gets SIGHUP, removes clients and APIs that its file no longer declares; false leaves that to `grantor apply --allow-delete`.',
    wants: 'true or false',
    schema: z.enum(['true', 'false']).transform((text) => text === 'true'),
    development: 'true',
    production: 'true',
  }),
} as const

export type SettingName = keyof typeof SETTINGS
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]
export type SettingValue<Name extends SettingName> = z.output<(typeof SETTINGS)[Name]['schema']>

function setting<Value>(declared: Omit<Setting<Value>, 'secret'> & { readonly secret?: true }): Setting<Value> {
  return { ...declared, secret: declared.secret ?? false }
}

function integer(least: number, most: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .refine((value) => value >= least && value <= most)
}

function host(): z.ZodType<string, string> {
  return z.string().refine((text) => isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text))
}

function hostNames(): z.ZodType<readonly string[], string> {
  const parts = (text: string) => (text === 'none' ? [] : text.split(',').map((part) => part.trim().toLowerCase()))
  return z
    .string()
    .transform(parts)
    .refine((names) => names.every((name) => URL.parse(`https://${name}/`)?.hostname === name))
}

function redisUrl(): z.ZodType<string, string> {
  return z.string().regex(/^(rediss?(\+cluster)?:\/\/[^\s/]+(\/\d*)?|rediss?\+sentinel:\/\/[^\s/]+\/[^\s/]+)(\?\S*)?$/)
}

function networks(): z.ZodType<readonly string[], string> {
  const parts = (text: string) => (text === 'none' ? [] : text.split(',').map((part) => part.trim()))
  return z
    .string()
    .transform(parts)
    .refine((list) => list.every(isNetwork))
}

/** An address or a CIDR network. `/0` is refused: every address would be trusted. */
function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  if (prefix === undefined) return true
  if (!/^[1-9]\d{0,2}$/.test(prefix)) return false
  return canMatch(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4')
}

/** Parsed by Node's own matcher, which also does the matching later. */
function canMatch(address: string, prefix: number, family: 'ipv4' | 'ipv6'): boolean {
  try {
    new BlockList().addSubnet(address, prefix, family)
    return true
  } catch {
    return false
  }
}

function rootKey(): z.ZodType<Uint8Array, string> {
  return z.string().transform((text, context) => {
    const key = decodeRootKey(text.trim())
    if (typeof key !== 'string') return key
    context.addIssue({ code: 'custom', message: key })
    return z.NEVER
  })
}
