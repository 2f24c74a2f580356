import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openEmbeddedStore } from '../../src/store/embedded-store.ts'
import { storeContract } from '../contracts/store.ts'

storeContract('the embedded store', async (clock) => {
  const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  const open = () => openEmbeddedStore({ file: join(directory, 'grantor.db'), clock })
  const stores = [await open()]
  return {
    store: stores[0] as (typeof stores)[0],
    async second() {
      const store = await open()
      stores.push(store)
      return store
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()))
      await rm(directory, { recursive: true, force: true })
    },
  }
})
