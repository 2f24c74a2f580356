import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'

import type { StoredRecord } from '../../src/store/backup/archive.ts'
import { backupHeader, readBackup, verifyBackup, writeBackup } from '../../src/store/backup/backup-file.ts'

const HEADER = backupHeader({ id: 'b1', takenAt: 1000, epoch: 1, rootKeyId: 'k1', final: false })
const RECORDS: StoredRecord[] = Array.from({ length: 1200 }, (_, i) => ({
  ...{ kind: 'entry', key: `kind:{aa}:${i}`, value: `Grüße ${i}\u2028\n`, version: 1 },
}))

describe('the file of a backup', () => {
  it.each(['backup', 'backup.gz'])('gives back what was written: %s', async (name) => {
    const path = await written(name)

    expect(await verifyBackup(path)).toEqual({ header: HEADER, records: RECORDS.length })
    const read: StoredRecord[] = []
    for await (const batch of readBackup(path)) read.push(...batch)
    expect(read).toEqual(RECORDS)
  })

  it('is for its owner alone', async () => {
    expect((await stat(await written('backup'))).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['its last line', (text: string) => text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1)],
    ['its last byte but one', (text: string) => text.slice(0, -2)],
    ['half of it', (text: string) => text.slice(0, text.length / 2)],
    ['all of it', () => ''],
  ])('without %s is refused', async (_, cut) => {
    await expect(verifyBackup(await changed(cut))).rejects.toMatchObject({ code: 'backup_invalid' })
  })

  it.each([
    ['a character', (text: string) => text.replace('Grüße 7', 'Grüße 8')],
    ['the order', (text: string) => text.split('\n').toSorted().join('\n')],
    ['a record removed', (text: string) => text.split('\n').toSpliced(5, 1).join('\n')],
    ['a record added at the end', (text: string) => `${text}${text.split('\n')[1]}\n`],
    ['its version', (text: string) => text.replace('"version":1', '"version":2')],
    ['its format', (text: string) => text.replace('grantor-backup', 'a-backup')],
  ])('with %s changed is refused', async (_, change) => {
    await expect(verifyBackup(await changed(change))).rejects.toMatchObject({ code: 'backup_invalid' })
  })

  it('that was compressed and cut off is refused', async () => {
    const path = await written('backup.gz')
    const bytes = await readFile(path)
    expect(gunzipSync(bytes).length).toBeGreaterThan(bytes.length)
    await writeFile(path, bytes.subarray(0, -20))

    await expect(verifyBackup(path)).rejects.toMatchObject({ code: 'backup_invalid' })
  })
})

async function written(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, name)
  await writeBackup(path, HEADER, batches(), () => undefined)
  return path
}

async function changed(change: (text: string) => string): Promise<string> {
  const path = await written('backup')
  await writeFile(path, change(await readFile(path, 'utf8')))
  return path
}

async function* batches() {
  yield RECORDS.slice(0, 700)
  yield RECORDS.slice(700)
}
