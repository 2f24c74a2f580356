/**
 * A server in a process of its own that says what it cost so far. As a program it is that process; as a module it starts it.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { type StartOptions, start } from '../support/start.ts'

const SELF = fileURLToPath(import.meta.url)

export interface MeasuredServer {
  readonly url: string
  readonly dataDir: string
  /** CPU time of the whole process, in milliseconds. */
  cpuMs(): Promise<number>
  /** What is alive in its memory, in and beside the heap, after a collection. */
  memoryBytes(): Promise<number>
  close(): Promise<void>
}

export async function startMeasuredServer(options: StartOptions = {}): Promise<MeasuredServer> {
  const child = fork(SELF, [JSON.stringify(options)], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const killNow = () => void child.kill('SIGKILL')
  process.once('exit', killNow)
  const ask = async (question: string): Promise<unknown> => {
    child.send(question)
    const [answer] = (await once(child, 'message')) as [unknown]
    return answer
  }
  const [{ url, dataDir }] = (await once(child, 'message')) as [{ url: string; dataDir: string }]
  return {
    url,
    dataDir,
    cpuMs: () => ask('cpu') as Promise<number>,
    memoryBytes: () => ask('memory') as Promise<number>,
    async close() {
      process.off('exit', killNow)
      const gone = once(child, 'exit')
      child.send('close')
      await gone
    },
  }
}

async function main(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const app = await start(JSON.parse(process.argv[2] ?? '{}') as StartOptions)
  const answers: Readonly<Record<string, () => number>> = {
    cpu() {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    },
    memory() {
      collect()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    },
  }
  process.on('message', (question: string) => {
    const answer = answers[question]
    if (answer !== undefined) process.send?.(answer())
    else void app.close().then(() => process.disconnect())
  })
  process.send?.({ url: app.issuer, dataDir: app.dataDir })
}

if (process.argv[1] === SELF) await main()
