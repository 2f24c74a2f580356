/** The parts of a Redis server's INFO that are used here. */

export interface Info {
  readonly role: string
  /** The replicas that are in step with this primary, as `host:port`. */
  readonly replicasInStep: readonly string[]
  /** A field by its name in INFO; `undefined` when the server does not report it. */
  readonly field: (name: string) => string | undefined
  /** A field that is a number; 0 when the server does not report it. */
  readonly number: (name: string) => number
}

export function parseInfo(text: string): Info {
  const fields = new Map(
    text.split('\r\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':')
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : []
    }),
  )
  return {
    role: fields.get('role') ?? 'unknown',
    replicasInStep: [...fields].filter(([name]) => /^slave\d+$/.test(name)).flatMap(([, value]) => inStep(value)),
    field: (name) => fields.get(name),
    number: (name) => Number(fields.get(name) ?? 0),
  }
}

/** From `ip=10.0.0.2,port=6379,state=online,offset=4711,lag=0`. */
function inStep(value: string): string[] {
  const parts = new Map(value.split(',').map((part) => part.split('=') as [string, string]))
  return parts.get('state') === 'online' ? [`${parts.get('ip')}:${parts.get('port')}`] : []
}

const OLDEST_MAJOR = 7

/** Scripts that work when memory is full need Redis 7.0. */
export function tooOldFor(info: Info): string | undefined {
  const version = info.field('redis_version') ?? 'unknown'
  return Number.parseInt(version, 10) >= OLDEST_MAJOR
    ? undefined
    : `Redis ${version} is too old: 7.0 or newer is needed`
}
