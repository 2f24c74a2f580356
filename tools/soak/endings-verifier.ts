/** The verifier of endings.ts, in a process of its own so that its memory can be told: checks a good token all the time. */

import { createVerifier } from '../../src/resource/index.ts'

export interface VerifierReport {
  readonly heapBytes: number
  readonly accepted: number
  readonly refused: number
}

const [, , issuer = ''] = process.argv
const client = { clientId: 'demo-machine', clientSecret: 'demo-machine-secret-not-for-production' }
const audience = 'https://reports.example'
const LOOK_MS = 20
// A token is good for ten minutes.
const RENEW_MS = 300_000

const verifier = createVerifier({ issuer, audience, revocations: client })
await verifier.prepare()
let token = await fetchToken()
let accepted = 0
let refused = 0

setInterval(() => {
  verifier.verify(token).then(
    () => (accepted += 1),
    (error: unknown) => {
      refused += 1
      console.error(error)
    },
  )
}, LOOK_MS)
setInterval(() => void fetchToken().then((fresh) => (token = fresh)), RENEW_MS)
process.on('message', report)
process.once('disconnect', () => process.exit())
report()

function report(): void {
  globalThis.gc?.()
  process.send?.({ heapBytes: process.memoryUsage().heapUsed, accepted, refused } satisfies VerifierReport)
}

async function fetchToken(): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client.clientId}:${client.clientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'reports:read', resource: audience }),
  })
  return ((await response.json()) as { access_token: string }).access_token
}
