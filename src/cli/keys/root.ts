/** `grantor keys rotate-root`: seals the ring under another root key. Completes a replacement that was interrupted. */

import type { Command } from 'commander'

import { rootKeyId } from '../../base/sealing.ts'
import type { Config } from '../../config/config.ts'
import type { LiveKeyring } from '../../keyring/keyring.ts'
import { finishReplacement, obtainRootKeys, prepareReplacement } from '../../keyring/root-key.ts'
import { withDomain } from '../domain.ts'
import { DRY_RUN_OPTION } from './change.ts'
import { JSON_OPTION, jsonText } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface RotateRootOptions {
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function addRotateRoot(parent: Command, terminal: Terminal): void {
  parent
    .command('rotate-root')
    .description('seal the ring under another root key; run again after an interruption, it completes')
    .option(...DRY_RUN_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nIn production give the coming key to every node as GRANTOR_ROOT_KEY_NEXT first. See docs/keys.md.\n\nExample:\n  grantor keys rotate-root --dry-run',
    )
    .action(async ({ dryRun = false, json = false }: RotateRootOptions) => {
      await withDomain(terminal, async ({ config, keyring }) => {
        const before = keyring.current().rootKeyId
        const { after, sentence } = dryRun ? await rehearse(config, before) : await replace(config, keyring, before)
        if (json) terminal.out(jsonText({ dry_run: dryRun, before, root_key: after, sentence }))
        else terminal.out(sentence)
      })
    })
}

interface Replacement {
  /** Names the root key in use afterwards; a key that is not generated yet has no name. */
  readonly after?: string
  readonly sentence: string
}

async function replace(config: Config, keyring: LiveKeyring, before: string): Promise<Replacement> {
  const rootKey = await prepareReplacement(config)
  const { rootKeyId: after } = await keyring.reseal(rootKey)
  await finishReplacement(config, rootKey)
  const sealed =
    after === before
      ? `Root key ${after} seals the ring already.`
      : `Root key ${after} seals the ring; ${before} opens nothing any more, except older backups.`
  return { after, sentence: `${sealed} ${config.rootKey === undefined ? NEXT_WITH_FILES : NEXT_WITH_SETTINGS}` }
}

async function rehearse(config: Config, before: string): Promise<Replacement> {
  const given = config.rootKey !== undefined || config.nextRootKey !== undefined
  // A rehearsal makes no file.
  const begun = given ? await prepareReplacement(config) : (await obtainRootKeys(config))[1]
  if (begun === undefined) return { sentence: `${DRY} the ring would be sealed under a new root key, not ${before}.` }
  const after = rootKeyId(begun)
  if (after === before) return { after, sentence: `${DRY} root key ${after} seals the ring already.` }
  return { after, sentence: `${DRY} the ring would be sealed under root key ${after} instead of ${before}.` }
}

const DRY = 'Dry run, nothing was changed:'
const NEXT_WITH_FILES = 'Its file took the place of the old one; running servers read it by themselves. Back it up.'
const NEXT_WITH_SETTINGS =
  'Give GRANTOR_ROOT_KEY the value of GRANTOR_ROOT_KEY_NEXT and remove GRANTOR_ROOT_KEY_NEXT on every node, one after the other.'
