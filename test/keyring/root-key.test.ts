import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { ConfigInvalid } from '../../src/base/faults.ts'
import { obtainRootKey } from '../../src/keyring/root-key.ts'

async function development() {
  const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return { rootKey: undefined, keysDir: join(directory, 'keys'), production: false }
}

describe('the root key', () => {
  it('is the configured one, and then no file is made', async () => {
    const config = { ...(await development()), rootKey: new Uint8Array(32).fill(7) }

    expect(await obtainRootKey(config)).toEqual(config.rootKey)

    await expect(stat(config.keysDir)).rejects.toThrow('ENOENT')
  })

  it('is made at the first start in development, for its owner alone, and read at the next', async () => {
    const config = await development()

    const made = await obtainRootKey(config)

    expect(made).toHaveLength(32)
    expect(await obtainRootKey(config)).toEqual(made)
    expect(await readdir(config.keysDir)).toEqual(['root.key'])
    expect((await stat(join(config.keysDir, 'root.key'))).mode & 0o777).toBe(0o600)
    expect((await readFile(join(config.keysDir, 'root.key'), 'utf8')).trim()).toBe(
      Buffer.from(made).toString('base64url'),
    )
  })

  it('is one, though many make it at once', async () => {
    const config = await development()

    const made = await Promise.all(Array.from({ length: 32 }, () => obtainRootKey(config)))

    expect(new Set(made.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1)
    expect(await readdir(config.keysDir)).toEqual(['root.key'])
  })

  it('is never made in production', async () => {
    const config = { ...(await development()), production: true }

    await expect(obtainRootKey(config)).rejects.toThrow(ConfigInvalid)
    await expect(obtainRootKey(config)).rejects.toThrow('GRANTOR_ROOT_KEY')
    await expect(stat(config.keysDir)).rejects.toThrow('ENOENT')
  })

  it.each(['', 'canary', 'x'.repeat(42), `${'x'.repeat(42)}!`, 'x'.repeat(64)])(
    'is refused, and not replaced, when its file holds "%s"',
    async (text) => {
      const config = await development()
      await obtainRootKey(config)
      await writeFile(join(config.keysDir, 'root.key'), text)

      await expect(obtainRootKey(config)).rejects.toThrow(/^root\.key does not hold 32 bytes as base64url/)

      expect(await readFile(join(config.keysDir, 'root.key'), 'utf8')).toBe(text)
    },
  )
})
