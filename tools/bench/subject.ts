/** A server under measure, from the outside: a process of its own that can be asked. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import type { Question, Ready, ServerOptions, Usage } from './server.ts'
import type { SignIns } from './sign-ins.ts'

export interface Subject extends Ready {
  readonly kind: ServerOptions['kind']
  usage(): Promise<Usage>
  codes(signIns: SignIns): Promise<string[]>
  /** Looks the clients up as a request does; how many there are. */
  clients(ids: readonly string[]): Promise<number>
  stop(): Promise<void>
}

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url))

export async function startSubject(options: ServerOptions, profileDir?: string): Promise<Subject> {
  const child = fork(SERVER, [JSON.stringify(options)], {
    execArgv: profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ask = asker(child)
  const { port, jwks } = await ask.ready
  return {
    kind: options.kind,
    port,
    jwks,
    usage: () => ask({ ask: 'usage' }),
    codes: (signIns) => ask({ ask: 'codes', ...signIns }),
    clients: (ids) => ask({ ask: 'clients', ids }),
    async stop() {
      const exited = once(child, 'exit')
      await ask<undefined>({ ask: 'stop' })
      await exited
    },
  }
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

interface Waiting {
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
}

/** Asks one thing at a time or many; the server's first message, unasked, is that it is ready. */
function asker(child: ChildProcess) {
  const waiting = new Map<number, Waiting>()
  let lastId = -1

  function expectAnswer<T>(): { id: number; answer: Promise<T> } {
    lastId += 1
    const id = lastId
    return { id, answer: new Promise<T>((resolve, reject) => waiting.set(id, { resolve, reject })) }
  }

  child.on('message', ({ id, result, error }: Answer) => {
    const { resolve, reject } = waiting.get(id) ?? {}
    waiting.delete(id)
    if (error === undefined) resolve?.(result as never)
    else reject?.(new Error(`the server says: ${error}`))
  })
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`a server under measure ended with ${code}`))
  })

  function ask<T>(question: Question): Promise<T> {
    const { id, answer } = expectAnswer<T>()
    child.send({ id, ...question })
    return answer
  }
  return Object.assign(ask, { ready: expectAnswer<Ready>().answer })
}
