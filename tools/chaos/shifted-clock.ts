/**
 * A wall clock for one process, which can be wrong and can be stepped while the process runs (clock-shim.c).
 *
 * Each process gets its own file with an offset; the shim is compiled once, with the C compiler of the machine.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface ShiftedClock {
  /** What the process has to have in its environment. */
  readonly env: Readonly<Record<string, string>>
  /** Sets the clock this many seconds ahead of the right time, or behind it. */
  set(seconds: number): void
  /** How it is set. */
  readonly seconds: number
}

export interface ClockShop {
  make(): ShiftedClock
  close(): void
}

const SOURCE = fileURLToPath(new URL('clock-shim.c', import.meta.url))

/** `undefined` when there is no C compiler here. */
export function openClockShop(): ClockShop | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'grantor-clocks-'))
  const library = join(directory, 'clock-shim.so')
  const close = () => rmSync(directory, { recursive: true, force: true })
  const { status } = spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, SOURCE], { stdio: 'ignore' })
  if (status !== 0) {
    close()
    return undefined
  }
  let made = 0
  return {
    make() {
      const file = join(directory, `clock-${made++}`)
      let offset = 0
      writeOffset(file, offset)
      return {
        env: { LD_PRELOAD: library, CHAOS_CLOCK_FILE: file },
        get seconds() {
          return offset
        },
        set(seconds) {
          offset = seconds
          writeOffset(file, seconds)
        },
      }
    },
    close,
  }
}

/** In place and in one write: the file is mapped by the process. */
function writeOffset(file: string, seconds: number): void {
  const offset = Buffer.alloc(8)
  offset.writeBigInt64LE(BigInt(Math.round(seconds * 1_000_000)))
  writeFileSync(file, offset, { flag: existsSync(file) ? 'r+' : 'w' })
}
