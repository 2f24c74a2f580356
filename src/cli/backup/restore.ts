/**
 * `grantor restore`: fills a store from a backup.
 *
 * What ended after the backup is not in it, so everything that was issued is ended, unless the store was closed before the
 * backup was taken. The store is marked first: a server on it waits, and a restore that was cut off is seen.
 */

import { resolve } from 'node:path'
import { Command } from 'commander'

import { epochSeconds } from '../../base/clock.ts'
import { rootKeyId } from '../../base/sealing.ts'
import type { Config } from '../../config/config.ts'
import { obtainRootKeys } from '../../keyring/root-key.ts'
import type { StoredRecord } from '../../store/backup/archive.ts'
import { type BackupHeader, readBackup, verifyBackup } from '../../store/backup/backup-file.ts'
import { findIdentity, newIdentity } from '../../store/identity/identity.ts'
import { keys } from '../../store/keys.ts'
import { workOn } from '../domain.ts'
import { confirm } from '../terminal/confirm.ts'
import { JSON_OPTION, timestamp } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import { progressOn, refuseWhileServed, type Stored, withArchive } from './stored.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface RestoreOptions {
  readonly from: string
  readonly replace?: boolean
  readonly keepGrants?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function restoreCommand(terminal: Terminal): Command {
  return new Command('restore')
    .description('fill the store from a backup; everything that was issued until now is ended')
    .requiredOption('--from <file>', 'a file that `grantor backup` wrote, of a store of either kind')
    .option('--replace', 'remove what is in the store first')
    .option('--keep-grants', 'keep sessions and tokens; only of a backup that was taken with --final')
    .option('--yes', 'do not ask before')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nThe root key has to be the one that the backup was taken under. See docs/guides/backup.md.\n\nExamples:\n  grantor restore --from /backups/grantor-2026-05-01.gz\n  grantor restore --from move.gz --keep-grants --yes',
    )
    .action((options: RestoreOptions) => restore(terminal, options))
}

async function restore(terminal: Terminal, options: RestoreOptions): Promise<void> {
  const path = resolve(terminal.cwd, options.from)
  const { header } = await verifyBackup(path)
  const { keepGrants = false } = options
  if (keepGrants) refuseUnlessFinal(header, epochSeconds(terminal.clock))
  await withArchive(terminal, async (stored) => {
    await refuseOtherRootKey(stored.config, header)
    await refuseOverOthers(stored, header, options)
    if (options.yes !== true) await ask(terminal, header, options)
    const records = await fill(terminal, stored, { path, header, keepGrants })
    await finish(terminal, stored, header, keepGrants)
    tell(terminal, options, { ...header, file: path, records, keepGrants })
  })
}

/** Longer ago it is likely that the store was used since, from another copy of this backup. */
const FINAL_SECONDS = 86_400

function refuseUnlessFinal({ final, takenAt }: BackupHeader, now: number): void {
  if (!final) {
    throw new Refused(
      'This backup was taken while servers could go on, and what ended since is not in it: restore it without --keep-grants, or take one with `grantor backup --final`.',
    )
  }
  if (now - takenAt > FINAL_SECONDS) {
    throw new Refused('This backup is older than a day: restore it without --keep-grants, so that nothing old counts.')
  }
}

async function refuseOtherRootKey(config: Config, header: BackupHeader): Promise<void> {
  const held = (await obtainRootKeys(config)).map(rootKeyId)
  if (held.includes(header.rootKeyId)) return
  throw new Refused(
    `The backup is sealed under root key ${header.rootKeyId}, and this node holds ${held.join(', ')}: give it the root key of the backup (GRANTOR_ROOT_KEY).`,
  )
}

async function refuseOverOthers(
  { store, archive }: Stored,
  header: BackupHeader,
  { replace = false, keepGrants = false }: RestoreOptions,
): Promise<void> {
  if (!replace && !(await archive.isEmpty())) {
    throw new Refused('The store is not empty: empty it, or have what is in it removed with --replace.')
  }
  if (!keepGrants) return
  const found = await findIdentity(store)
  if (found?.identity.backupId === header.id) {
    throw new Refused('This store was restored from this backup before, and used since: restore without --keep-grants.')
  }
  await refuseWhileServed(store)
}

async function ask(terminal: Terminal, header: BackupHeader, options: RestoreOptions): Promise<void> {
  const removed = options.replace === true ? 'What is in the store is removed. ' : ''
  const ended = options.keepGrants === true ? '' : 'Everything issued until now is ended: all people sign in again. '
  await confirm(terminal, `${removed}${ended}The backup of ${timestamp(header.takenAt)} is restored.`)
}

interface Filling {
  readonly path: string
  readonly header: BackupHeader
  readonly keepGrants: boolean
}

async function fill(terminal: Terminal, stored: Stored, { path, header, keepGrants }: Filling): Promise<number> {
  const { store, archive } = stored
  const restoring = newIdentity(terminal.clock, { origin: 'restored', state: 'restoring', backupId: header.id })
  await store.put(keys.identity(), JSON.stringify(restoring))
  await archive.clear()
  const progress = progressOn(terminal, 'restored')
  let records = 0
  for await (const batch of readBackup(path)) {
    const wanted = batch.filter((record) => isRestored(record, keepGrants))
    await archive.load(wanted)
    records += wanted.length
    progress(records)
  }
  return records
}

/** Recreated by a new sign-in, and ended by the mark in any case, so it is not stored. */
const ISSUED = new Set([
  ...['code', 'refresh', 'access', 'machine', 'grant', 'grant-members', 'spent', 'account-grants'],
  ...['session', 'session-id', 'account-sessions', 'interaction', 'par'],
])
/** Held by servers that are no longer there. */
const HELD = new Set(['identity', 'push-lease'])

function isRestored(record: StoredRecord, keepGrants: boolean): boolean {
  const kind = kindOf(record)
  return !HELD.has(kind) && (keepGrants || !ISSUED.has(kind))
}

function kindOf(record: StoredRecord): string {
  if (record.kind === 'log') return 'log'
  const name = record.kind === 'entry' ? record.key : record.kind === 'link' ? record.index : record.record
  return name.slice(0, name.indexOf(':'))
}

/** The endings first, the identity last: until then no server serves the store. */
async function finish(terminal: Terminal, stored: Stored, header: BackupHeader, keepGrants: boolean): Promise<void> {
  await workOn(stored, terminal, async ({ revocation, audit }) => {
    if (!keepGrants) await revocation.endEverything(undefined, 'store_restored')
    audit.record('store.restored', { reason: `backup ${header.id}` })
  })
  const open = newIdentity(terminal.clock, { origin: 'restored', state: 'open', backupId: header.id })
  await stored.store.put(keys.identity(), JSON.stringify({ ...open, epoch: header.epoch + 1 }))
}

interface Done extends BackupHeader {
  readonly file: string
  readonly records: number
  readonly keepGrants: boolean
}

function tell(terminal: Terminal, { json = false }: RestoreOptions, done: Done): void {
  const { file, id, takenAt, records, keepGrants } = done
  if (json) {
    const about = { file, id, taken_at: takenAt, records, kept_grants: keepGrants }
    terminal.out(JSON.stringify(about, undefined, 2))
    return
  }
  const grants = keepGrants
    ? 'Sessions and tokens go on.'
    : 'Everything issued until now is ended: people sign in again.'
  terminal.out(`${records} records of ${timestamp(takenAt)} are in the store. ${grants}`)
  if (!keepGrants) terminal.out(SINCE)
}

const SINCE = `What changed after the backup is not in it. Do again what was done since:
  accounts that were disabled or removed, passwords that were changed: grantor accounts …
  keys that were taken out because they leaked:                        grantor keys rotate --compromised <kid>`
