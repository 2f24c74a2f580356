/** What the soak is asked to do, from its command line. */

import { parseArgs } from 'node:util'

export interface SoakOptions {
  /** How many promotions there have to be, over all algorithms. */
  readonly rotations: number
  /** When it ends in any case, in real seconds; what was handed out by then is verified to its end. */
  readonly limitSeconds: number
  readonly speed: number
  readonly tokenLifeSeconds: number
  /** How many times `max-age` the stubborn verifiers keep a JWKS; more than 1 is against the rules, and refused. */
  readonly keepFactor: number
  readonly jsonFile: string | undefined
}

export const USAGE = `npm run soak:keys -- [options]

Signing keys rotate without a pause on three servers that share a Redis, while clients take and refresh tokens and five
kinds of verifier check every one of them, at once and again just before it expires. Fails if one good token is refused
or one request fails. The default takes about eleven minutes.

  --rotations N      how many rotations, over all algorithms (default 300)
  --seconds LIMIT    ends after so many seconds in any case, and then fails (default 900)
  --speed N          how much faster the clock goes (default 6); with 1, 300 rotations take an hour
  --token-life N     seconds that a token lives by that clock (default 600, the shortest the ring counts with)
  --keep-jwks N      the stubborn verifiers keep the JWKS for N times its max-age: with 3 the soak has to fail
  --json FILE        writes every figure as JSON
  --help             this
`

/** `undefined` when help was asked for. Throws with a sentence when the arguments are wrong. */
export function readOptions(args: readonly string[]): SoakOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      rotations: { type: 'string', default: '300' },
      seconds: { type: 'string', default: '900' },
      speed: { type: 'string', default: '6' },
      'token-life': { type: 'string', default: '600' },
      'keep-jwks': { type: 'string', default: '1' },
      json: { type: 'string' },
    },
  })
  if (values.help) return undefined
  return {
    rotations: atLeastOne('rotations', values.rotations),
    limitSeconds: atLeastOne('seconds', values.seconds),
    speed: atLeastOne('speed', values.speed),
    tokenLifeSeconds: atLeastOne('token-life', values['token-life']),
    keepFactor: atLeastOne('keep-jwks', values['keep-jwks']),
    jsonFile: values.json,
  }
}

function atLeastOne(name: string, text: string): number {
  const number = Number(text)
  if (!(number >= 1)) throw new TypeError(`--${name} is ${text}; it wants a number from 1`)
  return number
}
