/** `grantor backup`: all that the store holds, in one file, while servers run. See docs/guides/backup.md. */

import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'

import { epochSeconds } from '../../base/clock.ts'
import { randomId } from '../../base/ids.ts'
import { sealedUnder } from '../../keyring/ring/sealed-ring.ts'
import { backupHeader, writeBackup } from '../../store/backup/backup-file.ts'
import { findIdentity } from '../../store/identity/identity.ts'
import { keys } from '../../store/keys.ts'
import type { Store } from '../../store/store.ts'
import { timestamp, JSON_OPTION } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import { closeStore, progressOn, withArchive } from './stored.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface BackupOptions {
  readonly to: string
  readonly final?: boolean
  readonly json?: boolean
}

export function backupCommand(terminal: Terminal): Command {
  return new Command('backup')
    .description('write all that the store holds to a file, while servers run; it needs the same root key to be of use')
    .requiredOption('--to <file>', 'where there is no file yet; compressed when its name ends in .gz')
    .option('--final', 'close the store first, so that the backup can be restored with every session and token')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nWith --final stop the servers first: the store is not served again. See docs/guides/backup.md.\n\nExamples:\n  grantor backup --to /backups/grantor-2026-05-01.gz\n  grantor backup --final --to move.gz',
    )
    .action((options: BackupOptions) => backUp(terminal, options))
}

async function backUp(terminal: Terminal, { to, final = false, json = false }: BackupOptions): Promise<void> {
  const path = resolve(terminal.cwd, to)
  await refuseExisting(path)
  await withArchive(terminal, async ({ store, archive }) => {
    const rootKeyId = await rootKeyOf(store)
    if (final) await closeStore(store)
    const epoch = (await findIdentity(store))?.identity.epoch ?? 1
    const header = backupHeader({ id: randomId(16), takenAt: epochSeconds(terminal.clock), epoch, rootKeyId, final })
    const progress = progressOn(terminal, 'written')
    const { records, bytes } = await writeBackup(path, header, archive.dump(), progress)
    const about = { file: path, id: header.id, taken_at: header.takenAt, root_key: rootKeyId, final, records, bytes }
    if (json) terminal.out(JSON.stringify(about, undefined, 2))
    else
      terminal.out(`${path}: ${records} records of ${timestamp(header.takenAt)}, sealed under root key ${rootKeyId}.`)
    if (final) terminal.err('The store is closed: servers and commands refuse it. `grantor restore` fills another one.')
  })
}

async function refuseExisting(path: string): Promise<void> {
  if (await stat(path).catch(() => undefined)) throw new Refused(`There is a file ${path} already: give another name.`)
}

async function rootKeyOf(store: Store): Promise<string> {
  const ring = await store.get(keys.keyring())
  if (ring === undefined)
    throw new Refused('The store is empty: start a server on it, or correct REDIS_URL or DATA_DIR.')
  return sealedUnder(ring.value)
}
