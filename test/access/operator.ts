/** The command line of somebody who operates this server: a process beside it, on the same store and with the same key. */

import { join } from 'node:path'

import { systemClock } from '../../src/base/clock.ts'
import { runCommand } from '../../src/cli/run.ts'
import type { Running } from '../support/start.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function operate(app: Running, args: readonly string[], piped = ''): Promise<Said> {
  const [out, err]: [string[], string[]] = [[], []]
  const env = {
    PORT: new URL(app.issuer).port,
    DATA_DIR: app.dataDir,
    GRANTOR_KEYS_DIR: join(app.dataDir, 'keys'),
    ...(app.config.redisUrl === undefined ? {} : { REDIS_URL: app.config.redisUrl }),
  }
  const code = await runCommand(args, {
    env,
    cwd: app.dataDir,
    clock: systemClock,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    readAll: () => Promise.resolve(piped),
    ask: () => Promise.resolve(undefined),
    askSecret: () => Promise.resolve(undefined),
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
