/** A server under measure, from the outside: a process of its own that can be asked. */

import { startChild } from '../kit/child.ts'
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

const SERVER = new URL('server.ts', import.meta.url)

export async function startSubject(options: ServerOptions, profileDir?: string): Promise<Subject> {
  const execArgv = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
  const { ask, stop } = await startChild(SERVER, options, { execArgv })
  const { port, jwks } = await ask<Ready>({ ask: 'address' } satisfies Question)
  return {
    ...{ kind: options.kind, port, jwks, stop },
    usage: () => ask({ ask: 'usage' } satisfies Question),
    codes: (signIns) => ask({ ask: 'codes', ...signIns } satisfies Question),
    clients: (ids) => ask({ ask: 'clients', ids } satisfies Question),
  }
}
