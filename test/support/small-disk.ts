/** A disk for tests to fill: a tmpfs, which only root can mount. */

import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'

/** `describe`, or in its place one loud line where nothing can be mounted. */
export function describeWithSmallDisk(title: string, tests: () => void): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    describe(title, tests)
    return
  }
  console.warn(`SKIPPED: "${title}", because only root can mount a small disk`)
  describe.skip(title, tests)
}

/** A folder that holds so much and no more; unmounted when the test has finished. */
export async function aSmallDisk(megabytes: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-test-'))
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  onTestFinished(async () => {
    spawnSync('umount', ['-l', folder])
    await rm(folder, { recursive: true, force: true })
  })
  return folder
}

/** Fills the disk to the last page, as a log that is not rotated does. */
export async function fill(folder: string): Promise<void> {
  for (const bytes of [1 << 20, 1 << 12]) {
    let isFull = false
    while (!isFull) {
      const written = writeFile(join(folder, 'filler'), Buffer.alloc(bytes), { flag: 'a' })
      isFull = await written.then(
        () => false,
        () => true,
      )
    }
  }
}
