/** Who steals the store, or reads the log, signs in nowhere. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { createCanaries } from './canaries.ts'
import { fullRun } from './full-run.ts'

describe('after everything that a server does', () => {
  it('[S159] [S39] neither the embedded file nor the log at debug level holds a secret', async () => {
    const canaries = createCanaries()
    const run = await fullRun(canaries)
    onTestFinished(() => run.close())

    const dump = await filesOf(run.dataDir)

    expect(canaries.count).toBeGreaterThan(40)
    expect(dump.includes('grant:{')).toBe(true)
    expect(canaries.foundIn(dump)).toEqual([])
    expect(run.log.length).toBeGreaterThan(5)
    expect(canaries.foundIn(Buffer.from(run.log.join('\n')))).toEqual([])
  })

  it('finds a secret that is there, in any encoding', () => {
    const canaries = createCanaries()
    const secret = canaries.plant('a secret', 'correct-horse-battery-staple')
    const disguised = [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64'),
      Buffer.from(`client:${secret}`).toString('base64'),
      Buffer.from(`{"x":1,"secret":"${secret}"}`).toString('base64url'),
    ]

    for (const text of disguised) expect(canaries.foundIn(Buffer.from(`before ${text} after`))).toEqual(['a secret'])
    expect(canaries.foundIn(Buffer.from('correct horse battery staple'))).toEqual([])
  })
})

/** Every byte in the folder: the file, its write-ahead log, what was deleted and not yet overwritten. */
async function filesOf(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name.startsWith('grantor.db'))
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))))
}
