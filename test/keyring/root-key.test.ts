import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

import { ConfigInvalid } from '../../src/faults/start.ts'
import {
  finishReplacement,
  obtainRootKeys,
  prepareReplacement,
  type RootKeySources,
} from '../../src/keyring/root-key.ts'

async function development(): Promise<RootKeySources> {
  const directory = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return { rootKey: undefined, nextRootKey: undefined, keysDir: join(directory, 'keys'), production: false }
}

const GIVEN = new Uint8Array(32).fill(7)
const COMING = new Uint8Array(32).fill(8)

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777
}

describe('the root key', () => {
  it('is the configured one, and then no file is made', async () => {
    const config = { ...(await development()), rootKey: GIVEN }

    expect(await obtainRootKeys(config)).toEqual([GIVEN])

    await expect(stat(config.keysDir)).rejects.toThrow('ENOENT')
  })

  it('[S96] is made at the first start in development, for its owner alone, and read at the next', async () => {
    const config = await development()

    const [made] = await obtainRootKeys(config)

    expect(made).toHaveLength(32)
    expect(await obtainRootKeys(config)).toEqual([made])
    expect(await readdir(config.keysDir)).toEqual(['root.key'])
    expect(await modeOf(join(config.keysDir, 'root.key'))).toBe(0o600)
    expect((await readFile(join(config.keysDir, 'root.key'), 'utf8')).trim()).toBe(
      Buffer.from(made as Uint8Array).toString('base64url'),
    )
  })

  it('is one, though many make it at once', async () => {
    const config = await development()

    const made = await Promise.all(Array.from({ length: 32 }, () => obtainRootKeys(config)))

    expect(new Set(made.map(([key]) => Buffer.from(key as Uint8Array).toString('hex'))).size).toBe(1)
    expect(await readdir(config.keysDir)).toEqual(['root.key'])
  })

  it('is never made in production', async () => {
    const config = { ...(await development()), production: true }

    await expect(obtainRootKeys(config)).rejects.toThrow(ConfigInvalid)
    await expect(obtainRootKeys(config)).rejects.toThrow('GRANTOR_ROOT_KEY')
    await expect(stat(config.keysDir)).rejects.toThrow('ENOENT')
  })

  it.each(['', 'canary', 'x'.repeat(42), `${'x'.repeat(42)}!`, 'x'.repeat(64)])(
    'is refused, and not replaced, when its file holds "%s"',
    async (text) => {
      const config = await development()
      await obtainRootKeys(config)
      await writeFile(join(config.keysDir, 'root.key'), text)

      await expect(obtainRootKeys(config)).rejects.toThrow(/^root\.key does not hold 32 bytes as base64url/)

      expect(await readFile(join(config.keysDir, 'root.key'), 'utf8')).toBe(text)
    },
  )
})

describe('the root key that is to come', () => {
  it('given by the operator is kept with the one in use', async () => {
    const config = { ...(await development()), rootKey: GIVEN, nextRootKey: COMING }

    expect(await obtainRootKeys(config)).toEqual([GIVEN, COMING])
    expect(await prepareReplacement(config)).toEqual(COMING)
    await finishReplacement(config, COMING)
    await expect(stat(config.keysDir)).rejects.toThrow('ENOENT')
  })

  it('is asked for where the operator gives the keys', async () => {
    const config = { ...(await development()), rootKey: GIVEN }

    await expect(prepareReplacement(config)).rejects.toThrow(/^GRANTOR_ROOT_KEY_NEXT is not set/)
  })

  it('[S96] is made for its owner alone where it is kept in files, and takes its place at the end', async () => {
    const config = await development()
    const [used] = await obtainRootKeys(config)

    const coming = await prepareReplacement(config)

    expect(coming).not.toEqual(used)
    expect(await obtainRootKeys(config)).toEqual([used, coming])
    expect(await modeOf(join(config.keysDir, 'root.key.next'))).toBe(0o600)
    await finishReplacement(config, coming)
    expect(await obtainRootKeys(config)).toEqual([coming])
    expect(await readdir(config.keysDir)).toEqual(['root.key'])
    expect(await modeOf(join(config.keysDir, 'root.key'))).toBe(0o600)
  })

  it('is the same when it is asked for again, or by many at once', async () => {
    const config = await development()
    await obtainRootKeys(config)

    const coming = await Promise.all(Array.from({ length: 16 }, () => prepareReplacement(config)))

    for (const one of coming) expect(one).toEqual(coming[0])
    expect((await readdir(config.keysDir)).toSorted()).toEqual(['root.key', 'root.key.next'])
  })

  it('does not take its place when the ring was sealed under another', async () => {
    const config = await development()
    const [used] = await obtainRootKeys(config)
    const coming = await prepareReplacement(config)

    await finishReplacement(config, GIVEN)

    expect(await obtainRootKeys(config)).toEqual([used, coming])
  })

  it('takes its place once, though the end is told twice', async () => {
    const config = await development()
    await obtainRootKeys(config)
    const coming = await prepareReplacement(config)

    await finishReplacement(config, coming)
    await finishReplacement(config, coming)

    expect(await obtainRootKeys(config)).toEqual([coming])
  })
})
