/** The command line of an operator of this server: a separate process, on the same store and with the same key. */

import { join } from 'node:path'

import { type Clock, systemClock } from '../../src/base/clock.ts'
import { runCommand } from '../../src/cli/run.ts'
import type { Environment } from '../../src/config/environment/environment.ts'
import type { Running } from '../support/start.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

export function operate({ issuer, dataDir, config }: Running, args: readonly string[], piped = ''): Promise<Said> {
  const env = {
    PORT: new URL(issuer).port,
    DATA_DIR: dataDir,
    GRANTOR_KEYS_DIR: join(dataDir, 'keys'),
    ...(config.redisUrl === undefined ? {} : { REDIS_URL: config.redisUrl }),
  }
  return operateWith(env, dataDir, args, piped)
}

export async function operateWith(
  env: Environment,
  cwd: string,
  args: readonly string[],
  piped = '',
  clock: Clock = systemClock,
): Promise<Said> {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await runCommand(args, {
    env,
    cwd,
    clock,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    readAll: () => Promise.resolve(piped),
    ask: () => Promise.resolve(undefined),
    askSecret: () => Promise.resolve(undefined),
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
