/**
 * Room on the disk of the embedded store, and the reserve that keeps endings possible when the disk is full.
 *
 * Below a mark of free bytes nothing new is issued. Other programs may still fill the disk, so a file of some megabytes
 * is kept next to the database. It is deleted when SQLite finds the disk full, and created again when there is room.
 */

import { randomFillSync } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const RESERVE_FILE = 'grantor.reserve'
const MB = 1024 * 1024
// Revocations use this space: each writes about 25 KB to the write-ahead log, which is moved into the database and
// restarts after half of it.
const RESERVE_BYTES = 16 * MB
const LOG_PART = 1 / 2
// Where there is no reserve: SQLite's own measure.
const LEAST_LOG_BYTES = 4 * MB
const FREE_BYTES = 64 * MB
/** Of a small disk the mark and the reserve take no more than this part each. */
const SMALL_DISK_PART = 1 / 8
const CHUNK_BYTES = MB / 4

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

  /** The problem in one sentence; `undefined` while there is room. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** How large the write-ahead log may become before it is moved into the database, which needs as much space again. */
  get logBytes(): number {
    return this.#affordableBytes === 0 ? LEAST_LOG_BYTES : this.#affordableBytes * LOG_PART
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
        // One buffer for all of it: what was given back of many stayed with the process.
        const chunk = Buffer.alloc(CHUNK_BYTES)
        for (let written = 0; written < bytes; written += CHUNK_BYTES) await file.write(randomFillSync(chunk))
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

function tooLittle(folder: string, free: number, mark: number): string {
  const inMb = (bytes: number) => Math.floor(bytes / MB)
  return `The store in ${folder} has ${inMb(free)} MB left and ${inMb(mark)} are kept for revocations: nothing is issued until there is more space.`
}
