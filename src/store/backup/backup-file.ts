/**
 * The file of a backup: a line of JSON for the header, one for each record, and one at the end with their count and
 * checksum.
 *
 * A file whose name ends in `.gz` is compressed. It is written next to its final path and moved there when it is
 * complete. Only its owner can read it. A file that is truncated or altered is refused before anything is restored from
 * it.
 */

import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'

import { BackupInvalid } from '../../faults/store.ts'
import type { StoredRecord } from './archive.ts'

const FORMAT = 'grantor-backup'
const VERSION = 1

export interface BackupHeader {
  readonly format: typeof FORMAT
  readonly version: typeof VERSION
  /** Random, so that a store says which backup it was restored from. */
  readonly id: string
  /** Epoch seconds. What ended later is not in it. */
  readonly takenAt: number
  readonly epoch: number
  /** Names the root key under which everything is sealed. Not a secret. */
  readonly rootKeyId: string
  /** The store was closed first, so that nothing has happened since. */
  readonly final: boolean
}

interface End {
  readonly end: { readonly records: number; readonly sha256: string }
}

export interface Written {
  readonly records: number
  readonly bytes: number
}

export function backupHeader(about: Omit<BackupHeader, 'format' | 'version'>): BackupHeader {
  return { format: FORMAT, version: VERSION, ...about }
}

/** Writes the whole backup to `path`, where no file may exist. Calls `onRecords` with the number of records so far. */
export async function writeBackup(
  path: string,
  header: BackupHeader,
  batches: AsyncIterable<readonly StoredRecord[]>,
  onRecords: (count: number) => void,
): Promise<Written> {
  const draft = `${path}.part`
  const file = await open(draft, 'w', 0o600)
  let records = 0

  async function* lines(): AsyncIterable<string> {
    const checksum = createHash('sha256')
    const summed = (text: string) => {
      checksum.update(text)
      return text
    }
    yield summed(`${JSON.stringify(header)}\n`)
    for await (const batch of batches) {
      records += batch.length
      onRecords(records)
      if (batch.length > 0) yield summed(batch.map((record) => `${JSON.stringify(record)}\n`).join(''))
    }
    const end: End = { end: { records, sha256: checksum.digest('hex') } }
    yield `${JSON.stringify(end)}\n`
  }

  try {
    const target = createWriteStream(draft, { fd: file.fd, autoClose: false })
    if (path.endsWith('.gz')) await pipeline(Readable.from(lines()), createGzip(), target)
    else await pipeline(Readable.from(lines()), target)
    await file.sync()
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  } finally {
    await file.close()
  }
  return { records, bytes: (await stat(path)).size }
}

/** Reads the file from beginning to end. Throws `BackupInvalid` when it is not complete. */
export async function verifyBackup(path: string): Promise<{ header: BackupHeader; records: number }> {
  const checksum = createHash('sha256')
  let header: BackupHeader | undefined
  let records = 0
  let end: End['end'] | undefined
  for await (const line of linesOf(path)) {
    if (end !== undefined) throw new BackupInvalid('too_long')
    const parsed = parse(line)
    if (header === undefined) header = headerIn(parsed)
    else if ('end' in parsed) end = (parsed as unknown as End).end
    else records += 1
    if (end === undefined) checksum.update(`${line}\n`)
  }
  if (header === undefined) throw new BackupInvalid('empty')
  if (end === undefined) throw new BackupInvalid('cut_off')
  if (end.records !== records || end.sha256 !== checksum.digest('hex')) throw new BackupInvalid('altered')
  return { header, records }
}

/** The records of a file that was verified. */
export async function* readBackup(path: string): AsyncIterable<readonly StoredRecord[]> {
  let batch: StoredRecord[] = []
  let isHeader = true
  for await (const line of linesOf(path)) {
    if (!isHeader && !line.startsWith('{"end":')) batch.push(JSON.parse(line) as StoredRecord)
    isHeader = false
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

const BATCH = 500

/** Split at line feeds alone: a value may hold other characters that end a line elsewhere. */
async function* linesOf(path: string): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of bytesOf(path)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (cause) {
    throw new BackupInvalid('unreadable', { error: (cause as Error).message })
  }
  if (rest !== '') yield rest
}

function bytesOf(path: string): AsyncIterable<Uint8Array> {
  const file = createReadStream(path)
  if (!path.endsWith('.gz')) return file
  const plain = file.pipe(createGunzip())
  file.once('error', (error) => plain.destroy(error))
  return plain
}

function parse(line: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw new BackupInvalid('not_json')
}

function headerIn(parsed: Record<string, unknown>): BackupHeader {
  if (parsed.format !== FORMAT) throw new BackupInvalid('not_a_backup')
  if (parsed.version !== VERSION)
    throw new BackupInvalid('other_version', { version: JSON.stringify(parsed.version), reads: VERSION })
  return parsed as unknown as BackupHeader
}
