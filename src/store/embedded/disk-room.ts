/**
 * Room on the disk of the embedded store, and the reserve that keeps endings possible when there is none.
 *
 * Below a mark of free bytes nothing new is to be issued. What else fills the disk cannot be held back, so a file of some
 * megabytes lies beside the database: it is given up when SQLite finds the disk full, and made again when there is room.
 */

import { rmSync } from 'node:fs'
import { open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { randomNonce } from '../../base/ids.ts'

const RESERVE_FILE = 'grantor.reserve'
const MB = 1024 * 1024
// A revocation writes some 25 KB to the write-ahead log, which begins anew after 4 MB.
const RESERVE_BYTES = 8 * MB
const FREE_BYTES = 64 * MB
/** Of a small disk the mark and the reserve take no more than this part each. */
const SMALL_DISK_PART = 1 / 8
const CHUNK_BYTES = 4096

export class DiskRoom {
  readonly #folder: string
  readonly #reserve: string
  readonly #freeBytes: number | undefined
  #affordableBytes = 0
  #problem: string | undefined

  /** `freeBytes` is the mark; 64 MB, or an eighth of a smaller disk, unless given. */
  constructor(databaseFile: string, freeBytes?: number) {
    this.#folder = dirname(databaseFile)
    this.#reserve = join(this.#folder, RESERVE_FILE)
    this.#freeBytes = freeBytes
  }

  /** What is wrong, in one sentence; `undefined` while there is room. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Looks how much is free, on the disk and of what SQLite may use of it. Throws what `statfs` throws. */
  async look(growthBytes: number): Promise<void> {
    const { bavail, blocks, bsize } = await statfs(this.#folder)
    const [free, part] = [bavail * bsize, blocks * bsize * SMALL_DISK_PART]
    const mark = this.#freeBytes ?? Math.min(FREE_BYTES, part)
    const left = Math.min(free, growthBytes)
    this.#problem = left < mark ? tooLittle(this.#folder, left, mark) : undefined
    const reserveBytes = Math.min(RESERVE_BYTES, Math.floor(part / MB) * MB)
    this.#affordableBytes = free < mark + reserveBytes ? 0 : reserveBytes
  }

  /** Makes the reserve where it is missing and the last look found room for it. */
  async keepReserve(): Promise<void> {
    const bytes = this.#affordableBytes
    if (bytes === 0) return
    const there = await stat(this.#reserve).catch(() => undefined)
    if (there === undefined || there.size < bytes) await this.#makeReserve(bytes)
  }

  /** SQLite found the disk full: gives up the reserve, so that trying again helps. */
  giveUpReserve(): void {
    this.#problem = `The disk of ${this.#folder} is full: delete what is not needed there, or give it more space.`
    rmSync(this.#reserve, { force: true })
  }

  /** Random, because some file systems take no space for zeros. Under another name until it is whole. */
  async #makeReserve(bytes: number): Promise<void> {
    const unfinished = `${this.#reserve}.${process.pid}`
    try {
      const file = await open(unfinished, 'w', 0o600)
      try {
        for (let written = 0; written < bytes; written += MB) await file.write(randomChunk(MB))
      } finally {
        await file.close()
      }
      await rename(unfinished, this.#reserve)
    } catch {
      // Without it the mark alone keeps the room; the next look tries again.
      await rm(unfinished, { force: true })
    }
  }
}

function randomChunk(bytes: number): Buffer {
  const chunk = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at += CHUNK_BYTES) randomNonce(CHUNK_BYTES).copy(chunk, at)
  return chunk
}

function tooLittle(folder: string, free: number, mark: number): string {
  const inMb = (bytes: number) => Math.floor(bytes / MB)
  return `The store in ${folder} has ${inMb(free)} MB left and ${inMb(mark)} are kept for revocations: nothing is issued until there is more space.`
}
