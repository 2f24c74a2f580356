/** The operator's port: whether the process lives, and whether it may be sent requests. Never exposed to the public. */

import type { RequestListener } from 'node:http'

import type { Store } from '../store/store.ts'

export function createOps({ store, isStopping }: { store: Store; isStopping: () => boolean }): RequestListener {
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
    if (isStopping()) return { status: 503, body: { status: 'stopping' } }
    const { ready: usable, problem } = store.status()
    return usable ? { status: 200, body: { status: 'ok' } } : { status: 503, body: { status: 'not ready', problem } }
  }
}
