/**
 * The process of one server under measure: serves, and answers the bench over IPC.
 *
 * It is asked only between measured intervals, so what it does to answer is in no figure.
 */

import { answerQuestions } from '../kit/child.ts'
import type { GrantorOptions } from './configuration.ts'
import type { ReferenceOptions } from './reference.ts'
import type { Served } from './served.ts'
import { makeCodes, type SignIns } from './sign-ins.ts'

export type ServerOptions =
  | ({ readonly kind: 'grantor' } & GrantorOptions)
  | ({ readonly kind: 'reference' } & ReferenceOptions)

export type Question =
  | { readonly ask: 'address' }
  | { readonly ask: 'usage' }
  | ({ readonly ask: 'codes' } & SignIns)
  | { readonly ask: 'clients'; readonly ids: readonly string[] }

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
  answerQuestions<Question>(
    (question) => answer(served, question),
    () => served.close(),
  )
}

/** Each is loaded alone: neither's start and memory has the other's modules in it. */
async function serve(options: ServerOptions): Promise<Served> {
  if (options.kind === 'reference') return (await import('./reference.ts')).serveReference(options)
  return (await import('./grantor.ts')).serveGrantor(options)
}

async function answer(served: Served, question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'address':
      return { port: served.port, jwks: served.jwks } satisfies Ready
    case 'usage':
      return usage()
    case 'codes':
      return makeCodes(served, question)
    case 'clients':
      return (await Promise.all(question.ids.map((id) => served.provider.Client.find(id)))).filter(Boolean).length
  }
}

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() }
}

await run(JSON.parse(process.argv[2] ?? '') as ServerOptions)
