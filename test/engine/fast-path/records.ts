/** What the store keeps of a code or token and of its grant, and how a test writes it anew, as nothing in the server does. */

import { handleKey, modelOf } from '../../../src/engine/adapter/handles.ts'
import { keys } from '../../../src/store/keys.ts'
import type { Entry, Key, Store } from '../../../src/store/store.ts'
import type { Running } from '../../support/start.ts'

/** What may be wrong with the grant of a token that is good in itself. */
export const BAD_GRANTS = [
  ['is gone', undefined],
  ['has expired', { exp: 1 }],
  ['is of another client', { clientId: 'demo-web' }],
  ['is of another person', { accountId: 'usr_another' }],
] as const

interface TokenRecord {
  readonly grantId: string
  readonly sessionUid: string
}

export async function recordOf(app: Running, token: string): Promise<Entry | undefined> {
  const key = keyOf(token)
  return key && storeOf(app).get(key)
}

export async function changeRecord(app: Running, token: string, change: object): Promise<void> {
  const record = { ...(await storedOf(app, token)), ...change }
  const refs = [keys.grant(record.grantId), keys.session(record.sessionUid)]
  await storeOf(app).put(keyOf(token) as Key, JSON.stringify(record), { ttlSeconds: 60, refs })
}

/** Changes the grant of a code or an opaque token; `undefined` takes it away. */
export async function changeGrant(app: Running, token: string, change: object | undefined): Promise<void> {
  const store = storeOf(app)
  const key = keys.grant((await storedOf(app, token)).grantId)
  const grant = await store.get(key)
  if (change === undefined) await store.remove([key])
  else await store.put(key, JSON.stringify({ ...JSON.parse(grant?.value ?? '{}'), ...change }), { ttlSeconds: 600 })
}

async function storedOf(app: Running, token: string): Promise<TokenRecord> {
  const entry = await recordOf(app, token)
  if (entry === undefined) throw new Error('no such token')
  return JSON.parse(entry.value) as TokenRecord
}

function keyOf(token: string): Key | undefined {
  const model = modelOf(token)
  return model && handleKey(model, token)
}

function storeOf({ nodes: [node] }: Running): Store {
  if (node === undefined) throw new Error('no node')
  return node.store
}
