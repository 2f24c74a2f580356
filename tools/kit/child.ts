/** A process of a tool, from the outside: it is asked and answers, one question after the other or many at once. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Child {
  ask<T>(question: object): Promise<T>
  stop(): Promise<void>
}

interface Waiting {
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
}

/** Starts a file as a process; resolves when it is ready. */
export async function startChild(
  file: URL,
  options: object,
  { execArgv = [] }: { readonly execArgv?: readonly string[] } = {},
): Promise<Child> {
  const child = fork(fileURLToPath(file), [JSON.stringify(options)], {
    execArgv: [...execArgv],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // A moment in nanoseconds is a bigint, which JSON has not.
    serialization: 'advanced',
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ask = asker(child)
  await ask({ ask: 'ready' })
  return {
    ask,
    async stop() {
      process.off('exit', kill)
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    },
  }
}

function asker(child: ChildProcess): Child['ask'] {
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    const { resolve, reject } = waiting.get(id) ?? {}
    waiting.delete(id)
    if (error === undefined) resolve?.(result as never)
    else reject?.(new Error(error))
  })
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`a process of the tool ended with ${code}`))
  })
  return async function ask<T>(question: object): Promise<T> {
    lastId += 1
    const id = lastId
    const answer = new Promise<T>((resolve, reject) => waiting.set(id, { resolve, reject }))
    child.send({ id, ...question })
    return answer
  }
}

/** What a process of a tool does with a question. It ends when the tool disconnects from it. */
export function answerQuestions<Q extends { readonly ask: string }>(
  answer: (question: Q) => Promise<unknown>,
  end: () => Promise<void>,
): void {
  process.on('message', (question: Q & { readonly id: number }) => {
    const answered = question.ask === 'ready' ? Promise.resolve(undefined) : answer(question)
    answered.then(
      (result) => process.send?.({ id: question.id, result }),
      (error: unknown) => process.send?.({ id: question.id, error: String((error as Error).stack ?? error) }),
    )
  })
  process.on('disconnect', () => void end().finally(() => process.exit()))
}
