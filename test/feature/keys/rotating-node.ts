/**
 * A process that turns the ring as a node does, and dies in the middle of it: `kill -9` by its own hand, immediately
 * before or after one of its writes to the store.
 *
 * node rotating-node.ts <store file> <root key, hex> <epoch ms> <what: publish | turn | compromise> <before | after> <nth write>
 *
 * Prints `done` when the turn ended before the nth write came.
 */

import { createAudit } from '../../../src/audit/audit.ts'
import { createLog } from '../../../src/audit/log.ts'
import { type LiveKeyring, openKeyring } from '../../../src/keyring/keyring.ts'
import { openEmbeddedStore } from '../../../src/store/embedded/embedded-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { endKeyIn, SCHEDULE } from '../../keyring/one-node.ts'

const [file = '', rootKey = '', nowMs = '', what = '', when = '', nth = ''] = process.argv.slice(2)
const clock = () => Number(nowMs)

const TURNS: Record<string, (keyring: LiveKeyring) => Promise<unknown>> = {
  publish: (keyring) => keyring.rotate(undefined),
  turn: (keyring) => keyring.advance(),
  compromise: (keyring) => {
    const signing = keyring.current().keys.find(({ state, algorithm }) => state === 'signing' && algorithm === 'ES256')
    return keyring.compromise(signing?.keyId ?? '')
  },
}

const store = await openEmbeddedStore({ file, clock })
const dying = mortal(store, Number(nth))
const keyring = await openKeyring({
  store: dying,
  endKey: endKeyIn(dying),
  rootKeys: async () => [Buffer.from(rootKey, 'hex')],
  clock,
  algorithms: [],
  schedule: SCHEDULE,
  audit: createAudit({ store, clock, log: createLog({ level: 'silent' }) }),
})
await TURNS[what]?.(keyring)
console.log('done')
process.exit(0)

/** The store, whose nth write is the last thing that this process does. */
function mortal(living: Store, lastWrite: number): Store {
  let writes = 0
  const counted =
    <Args extends unknown[], Result>(write: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      writes += 1
      if (writes === lastWrite && when === 'before') die()
      const result = await write(...args)
      if (writes === lastWrite) die()
      return result
    }
  return {
    ...{ get: (key) => living.get(key), getMany: (keys) => living.getMany(keys) },
    ...{ getLinked: (key) => living.getLinked(key), take: (key) => living.take(key) },
    put: counted((key, value, options) => living.put(key, value, options)),
    append: counted((log, value, keepSeconds) => living.append(log, value, keepSeconds)),
  } as Store
}

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}
