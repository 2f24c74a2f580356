/** The process of one node of the server: serves over HTTP, and ends by its own door what no endpoint ends. */

import { join } from 'node:path'

import { startApp } from '../../../src/app.ts'
import { createLog } from '../../../src/audit/log.ts'
import { hashSecret } from '../../../src/clients/secrets.ts'
import type { ClientSettings } from '../../../src/config/config.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import { answerQuestions } from '../../kit/child.ts'

export const ORDERS = 'https://orders.example'
export const SECRET = 'a-secret-of-the-bench-which-holds-more-than-256-bits-of-nothing'

export interface NodeOptions {
  readonly issuer: string
  readonly dataDir: string
  readonly redisUrl: string | undefined
  readonly port: number
  /** How many clients there are to be ended, each once. */
  readonly clients: number
}

/** What is ended by the door of the process; the moment at which that was done is the answer. */
export type NodeQuestion =
  | { readonly ask: 'end client'; readonly clientId: string }
  | { readonly ask: 'compromise'; readonly keyId: string }
  | { readonly ask: 'end everything'; readonly before: number }

export function clientName(index: number): string {
  return `bench-${index}`
}

if (process.argv[1] === import.meta.filename) await serve(JSON.parse(process.argv[2] ?? '') as NodeOptions)

async function serve({ issuer, dataDir, redisUrl, port, clients }: NodeOptions): Promise<void> {
  const env = {
    PORT: String(port),
    OPS_PORT: '0',
    DATA_DIR: dataDir,
    GRANTOR_KEYS_DIR: join(dataDir, 'keys'),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
  }
  const config = loadConfig({ env, cwd: dataDir })
  const machine = config.clients.find(({ clientId }) => clientId === 'demo-machine') as ClientSettings
  const secretHash = hashSecret(SECRET)
  const added = Array.from({ length: clients }, (_, index) => ({ ...machine, clientId: clientName(index), secretHash }))
  // The issuer's address belongs to neither node alone; the API of the feed is the issuer.
  const own = (address: string) => (address === config.issuer ? issuer : address)
  const app = await startApp(
    {
      ...config,
      issuer,
      opsPort: 0,
      apis: config.apis.map((api) => ({ ...api, audience: own(api.audience) })),
      clients: [...config.clients, ...added].map((client) => ({
        ...client,
        apis: Object.fromEntries(Object.entries(client.apis).map(([audience, scopes]) => [own(audience), scopes])),
      })),
    },
    { log: createLog({ level: 'silent' }) },
  )

  answerQuestions<NodeQuestion>(
    async (question) => {
      switch (question.ask) {
        case 'end client':
          await app.revocation.endClient(question.clientId, 'client_ended_by_operator')
          break
        case 'compromise':
          await app.keyring.compromise(question.keyId)
          break
        case 'end everything':
          await app.revocation.endEverything(question.before, 'everything_ended_by_operator')
          break
      }
      return process.hrtime.bigint()
    },
    () => app.close(),
  )
}
