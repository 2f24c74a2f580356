/** The APIs: one verifier for each node, which fetches the keys from that node and follows that node's feed. */

import { createVerifier, Refusal, type Verifier } from '../../src/resource/index.ts'
import { API, AUDIENCE } from './fleet.ts'
import type { History, Outcome } from './history.ts'

export interface Verdict {
  readonly outcome: Outcome
  readonly reason?: string
}

export interface Verifiers {
  verify(node: number, token: string): Promise<Verdict>
  close(): Promise<void>
}

/** The shortest that a verifier may be told. */
const SILENT_AFTER_SECONDS = 10

export async function startVerifiers(issuer: string, urls: readonly string[], history: History): Promise<Verifiers> {
  const verifiers = urls.map((url, node) => verifierOf(issuer, url, () => noteCurrent(history, node)))
  await Promise.all(verifiers.map((verifier) => verifier.prepare()))
  return {
    async verify(node, token) {
      try {
        await verifiers[node]?.verify(token)
        return { outcome: 'success' }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        return { outcome: error.code === 'verifier_unavailable' ? 'error' : 'refused', reason: error.code }
      }
    },
    async close() {
      await Promise.all(verifiers.map((verifier) => verifier.close()))
    },
  }
}

function verifierOf(issuer: string, url: string, onCurrent: () => void): Verifier {
  return createVerifier({
    ...{ issuer, audience: AUDIENCE },
    fetch: (input, init) => fetch(String(input).replace(issuer, url), init),
    revocations: {
      ...{ clientId: API.id, clientSecret: API.secret, silentAfterSeconds: SILENT_AFTER_SECONDS },
      onFeed: (event) => void (event.type === 'current' && onCurrent()),
    },
  })
}

function noteCurrent(history: History, node: number): void {
  history.add({ kind: 'current', node, atMs: performance.now() })
}
