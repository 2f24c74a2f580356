/** The operator's port: whether the process lives, and whether it may be sent requests. Never exposed to the public. */

import type { RequestListener } from 'node:http'

import type { Log } from '../../audit/log.ts'
import type { StoreStatus } from '../../store/store.ts'
import { OPS_BOUNDS } from '../listener/connections.ts'
import { type Listener, listen } from '../listener/listen.ts'
import { type Progress, type Readiness, readinessOf, type Supervisor, reportReadiness } from './readiness.ts'

// Its responses are ready at once, so a connection that stays open is not waiting for one.
const GRACE_MS = 500

export interface OpsParts {
  readonly host: string
  readonly port: number
  readonly readiness: () => Readiness
  readonly log: Log
}

/** How a node says whether it may be sent requests: on the operator's port, or to the supervisor that has that port. */
export interface OperatorPort {
  readonly url: string
  nowListening(): void
  nowStopping(): void
  close(): Promise<void>
}

export interface OperatorPortParts {
  readonly config: { readonly opsHost: string; readonly opsPort: number }
  readonly status: () => StoreStatus
  readonly supervisor: Supervisor | undefined
  readonly log: Log
}

/** Throws `PortUnusable` when the port is taken or may not be bound. */
export async function openOperatorPort(parts: OperatorPortParts): Promise<OperatorPort> {
  const { opsHost: host, opsPort: port } = parts.config
  const progress: Progress = { isListening: false, isStopping: false }
  const readiness = () => readinessOf(progress, parts.status())
  const opened =
    parts.supervisor === undefined
      ? await listenForOperator({ host, port, readiness, log: parts.log })
      : reportReadiness(readiness, parts.supervisor)
  return {
    url: opened.url ?? `http://${host}:${port}`,
    nowListening() {
      progress.isListening = true
      opened.tell()
    },
    nowStopping() {
      progress.isStopping = true
    },
    close: () => opened.close(),
  }
}

interface StartedPort extends Pick<Listener, 'url' | 'close'> {
  /** Nothing to do: a monitor asks by itself. */
  tell(): void
}

export async function listenForOperator({ host, port, readiness, log }: OpsParts): Promise<StartedPort> {
  const onFull = (held: number) => log.event('ops_connections_full', { held })
  const listener = await listen(createOps(readiness), { host, port, bounds: OPS_BOUNDS, onFull })
  return { url: listener.url, tell: () => undefined, close: () => listener.close(GRACE_MS) }
}

function createOps(readiness: () => Readiness): RequestListener {
  const answers: Record<string, () => { status: number; body: object }> = {
    '/health/live': () => ({ status: 200, body: { status: 'ok' } }),
    '/health/ready': ready,
  }

  return function ops(req, res) {
    const answer = answers[req.url?.split('?')[0] ?? '']
    const { status, body } = answer?.() ?? { status: 404, body: { error: 'not_found' } }
    res.writeHead(status, {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      ...(status === 503 ? { 'Retry-After': '2' } : {}),
    })
    res.end(JSON.stringify(body))
  }

  function ready() {
    const body = readiness()
    return { status: body.status === 'ok' ? 200 : 503, body }
  }
}
