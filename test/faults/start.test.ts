/** A start that cannot succeed tells the operator why. */

import { expect, it } from 'vitest'

import { startProcesses } from '../support/server-process.ts'

it('names the file that cannot be opened, and why', async () => {
  const starting = startProcesses({ env: { DATA_DIR: '/dev/null/data' } })

  await expect(starting).rejects.toThrow('cannot open /dev/null/data/grantor.db: ENOTDIR')
})
