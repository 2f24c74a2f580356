import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const PROCESS = fileURLToPath(new URL('spare-memory-process.ts', import.meta.url))
const MB = 1024 * 1024

it('is given back when the process has come to rest, and not while it works', async () => {
  const child = fork(PROCESS, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const taken = await heard(child)

  const whileBusy = await told(child, 'be busy')

  expect(whileBusy).toBeGreaterThan(taken - 20 * MB)
  await expect.poll(() => told(child, 'say'), { timeout: 20_000 }).toBeLessThan(taken - 50 * MB)
})

/** The resident bytes that it tells of next. */
async function heard(child: ChildProcess): Promise<number> {
  const [bytes] = (await once(child, 'message')) as [number]
  return bytes
}

function told(child: ChildProcess, what: 'be busy' | 'say'): Promise<number> {
  const answer = heard(child)
  child.send(what)
  return answer
}
