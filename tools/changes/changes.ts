/** Every kind of change of a client, its secret and an API, and how each shows at a server. */

import type { Core } from '../../src/core.ts'
import type { RegistryChanges } from '../../src/registration/changes.ts'
import type { Answer, Credentials, WorkerConnection } from './worker-connection.ts'

export const ORDERS = 'https://orders.example'

/** One change, and whether a server has it: asked again and again until it does. */
export interface Change {
  readonly name: string
  readonly make: (changes: RegistryChanges) => Promise<unknown>
  readonly isInForce: (worker: WorkerConnection) => Promise<boolean>
}

/** The changes of one round, in their order: a client and an API come, change in every way, and go. */
export function changesOf(round: number, operators: readonly Pick<Core, 'apis'>[]): Change[] {
  const id = `client-${round}`
  const audience = `https://api-${round}.example`
  let [first, second]: (Credentials | undefined)[] = []
  const token = (worker: WorkerConnection, client: Credentials | undefined, resource = ORDERS): Promise<Answer> => {
    const scope = resource === ORDERS ? 'orders:read' : 'read'
    return worker.post('/token', { grant_type: 'client_credentials', resource, scope }, client)
  }
  const gets =
    (status: number, which: () => Credentials | undefined, resource?: string) => async (worker: WorkerConnection) =>
      (await token(worker, which(), resource)).status === status
  const scopes = { read: 'Read', write: 'Write' }

  return [
    {
      name: 'client added',
      make: async (changes) => {
        const entry = { client_id: id, grant_types: ['client_credentials'], apis: { [ORDERS]: ['orders:read'] } }
        first = { id, secret: (await changes.addClient(entry)).secret ?? '' }
      },
      isInForce: gets(200, () => first),
    },
    {
      name: 'secret rotated',
      make: async (changes) => {
        second = { id, secret: (await changes.rotateSecret(id, { oldForSeconds: 3600 })).secret ?? '' }
      },
      isInForce: async (worker) => (await gets(200, () => second)(worker)) && gets(200, () => first)(worker),
    },
    {
      name: 'API added',
      make: (changes) => changes.addApi({ audience, scopes }),
      // No client may ask for it yet; another operator may give it to one as soon as it is known there.
      isInForce: async () => operators.every(({ apis }) => apis.findApi(audience) !== undefined),
    },
    {
      name: 'client given the API',
      make: (changes) => changes.setClient(id, { apis: { [ORDERS]: ['orders:read'], [audience]: ['read'] } }),
      isInForce: gets(200, () => second, audience),
    },
    {
      name: 'API changed',
      make: (changes) => changes.setApi(audience, { token: { lifetime: '5m' } }),
      isInForce: async (worker) => (await token(worker, second, audience)).body.expires_in === 300,
    },
    {
      name: 'scope taken from the API',
      make: (changes) => changes.setApi(audience, { scopes: { write: 'Write' } }),
      isInForce: gets(400, () => second, audience),
    },
    {
      name: 'API removed',
      make: (changes) => changes.removeApi(audience),
      isInForce: async (worker) => (await token(worker, second, audience)).body.error === 'invalid_target',
    },
    {
      name: 'client disabled',
      make: (changes) => changes.setClient(id, { disabled: true, apis: { [ORDERS]: ['orders:read'] } }),
      isInForce: gets(401, () => second),
    },
    {
      name: 'client enabled',
      make: (changes) => changes.setClient(id, { disabled: false }),
      isInForce: gets(200, () => second),
    },
    {
      name: 'client removed',
      make: (changes) => changes.removeClient(id),
      isInForce: gets(401, () => second),
    },
  ]
}
