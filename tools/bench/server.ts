/**
 * The process of one server under measure: serves, and answers the bench over IPC.
 *
 * It is asked only between measured intervals, so what it does to answer is in no figure.
 */

import type { GrantorOptions } from './configuration.ts'
import type { ReferenceOptions } from './reference.ts'
import type { Served } from './served.ts'
import { makeCodes, type SignIns } from './sign-ins.ts'

export type ServerOptions =
  | ({ readonly kind: 'grantor' } & GrantorOptions)
  | ({ readonly kind: 'reference' } & ReferenceOptions)

export type Question =
  | { readonly ask: 'usage' }
  | ({ readonly ask: 'codes' } & SignIns)
  | { readonly ask: 'clients'; readonly ids: readonly string[] }
  | { readonly ask: 'stop' }

/** The processor time of all threads of the process since its start, and what it holds in memory. */
export interface Usage {
  readonly cpuSeconds: number
  readonly residentBytes: number
}

export interface Ready {
  readonly port: number
  readonly jwks: readonly object[]
}

async function run(options: ServerOptions): Promise<void> {
  const served = await serve(options)
  process.on('message', (message: Question & { readonly id: number }) => {
    void answer(served, message).then(
      (result) => process.send?.({ id: message.id, result }),
      (error: unknown) => process.send?.({ id: message.id, error: String((error as Error)?.stack ?? error) }),
    )
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ id: 0, result: { port: served.port, jwks: served.jwks } satisfies Ready })
}

/** Each is loaded alone: neither's start and memory has the other's modules in it. */
async function serve(options: ServerOptions): Promise<Served> {
  if (options.kind === 'reference') return (await import('./reference.ts')).serveReference(options)
  return (await import('./grantor.ts')).serveGrantor(options)
}

async function answer(served: Served, question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'usage':
      return usage()
    case 'codes':
      return makeCodes(served, question)
    case 'clients':
      return Promise.all(question.ids.map((id) => served.provider.Client.find(id))).then(
        (found) => found.filter(Boolean).length,
      )
    case 'stop':
      await served.close()
      // After the answer has left, so that a profile is written and nothing is left to wait for.
      setTimeout(() => process.exit(), 50)
      return undefined
  }
}

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() }
}

await run(JSON.parse(process.argv[2] ?? '') as ServerOptions)
