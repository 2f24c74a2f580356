/** `grantor keys rotate` and `grantor keys retire`: what an operator does to keys by hand. */

import { type Command, Option } from 'commander'

import { epochSeconds } from '../../base/clock.ts'
import { KeyUnknown } from '../../faults/keyring.ts'
import { SIGNING_ALGORITHMS } from '../../registry/api/api.ts'
import type { Keyring, KeySummary, Outcome } from '../../keyring/keyring.ts'
import type { KeyAlgorithm } from '../../keyring/signing-key.ts'
import { type Domain, withDomain } from '../domain.ts'
import { listed, nameOf, nextChange, signsFrom } from './key-states.ts'
import { confirm } from '../terminal/confirm.ts'
import { roughly } from '../terminal/time-text.ts'
import { JSON_OPTION, jsonText, table } from '../terminal/print.ts'
import { Refused } from '../terminal/refused.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface ChangeOptions {
  readonly dryRun?: boolean
  readonly json?: boolean
}

interface RotateOptions extends ChangeOptions {
  readonly alg?: KeyAlgorithm
  readonly compromised?: string
  readonly yes?: boolean
}

export const DRY_RUN_OPTION = ['--dry-run', 'say what would happen, and change nothing'] as const
const ALGORITHMS = SIGNING_ALGORITHMS.filter((algorithm) => algorithm !== 'HS256')

export function addRotate(parent: Command, terminal: Terminal): void {
  parent
    .command('rotate')
    .description(
      'publish a successor now, to sign as soon as every verifier must know it; of all algorithms, or of one',
    )
    .addOption(new Option('--alg <alg>', 'only the keys of this algorithm').choices(ALGORITHMS))
    .addOption(new Option('--compromised <kid>', 'this key may be in other hands: remove it at once').conflicts('alg'))
    .option('--yes', 'do not ask before a compromised key is taken out')
    .option(...DRY_RUN_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  grantor keys rotate --dry-run\n  grantor keys rotate --alg ES256\n  grantor keys rotate --compromised 4vGNPsZqJX0x0GV1q8n0pNqk6bYyB0oVtqRkQy7l0aM',
    )
    .action(async ({ alg, compromised, yes, ...options }: RotateOptions) => {
      await withDomain(terminal, async (domain) => {
        if (compromised === undefined) await rotate(terminal, domain, alg, options)
        else await takeOut(terminal, domain, compromised, { ...options, ...(yes && { yes }) })
      })
    })
}

export function addRetire(parent: Command, terminal: Terminal): void {
  parent
    .command('retire')
    .argument('<kid>', 'its name in `grantor keys list`; after -- when it begins with a dash')
    .description(
      'remove a key that is not signing: a published key that is not wanted, or a retired one before its time',
    )
    .option(...DRY_RUN_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor keys retire --dry-run -- 4vGNPsZqJX0x0GV1q8n0pNqk6bYyB0oVtqRkQy7l0aM')
    .action(async (keyId: string, options: ChangeOptions) => {
      await withDomain(terminal, async ({ keyring }) => {
        const before = keyring.current()
        const key = getKey(before, keyId)
        const outcome = await keyring.retire(keyId, dry(options))
        tell(terminal, options, outcome, before, afterRetiring(key, outcome, epochSeconds(terminal.clock)))
      })
    })
}

async function rotate(
  terminal: Terminal,
  { keyring, config }: Domain,
  algorithm: KeyAlgorithm | undefined,
  options: ChangeOptions,
): Promise<void> {
  const before = keyring.current()
  const algorithms = [...new Set(before.keys.map((key) => key.algorithm))]
  if (algorithm !== undefined && !algorithms.includes(algorithm)) {
    throw new Refused(
      `The ring has no ${algorithm} key, only ${listed(algorithms)}: it gets one when an API in grantor.yaml signs with ${algorithm}.`,
    )
  }
  const outcome = await keyring.rotate(algorithm, dry(options))
  const now = epochSeconds(terminal.clock)
  const coming = ofKeys(outcome, before, options).filter(
    (key) => key.state === 'next' && (algorithm ?? key.algorithm) === key.algorithm,
  )
  const waits = config.keys.waitForVerifiersSeconds
  const patience = waits > 0 ? ` It waits up to ${roughly(waits)} longer for verifiers that do not hold it.` : ''
  tell(terminal, options, outcome, before, `${signsFrom(coming, now)}${patience}`)
}

/** The emergency: another key signs at once, and what this one signed is refused. */
async function takeOut(
  terminal: Terminal,
  { keyring, config }: Domain,
  keyId: string,
  options: ChangeOptions & { readonly yes?: boolean },
): Promise<void> {
  const before = keyring.current()
  const key = getKey(before, keyId)
  if (options.dryRun !== true && options.yes !== true) {
    await confirm(terminal, `Every token signed by ${nameOf(key)} is refused as soon as you confirm.`)
  }
  const outcome = await keyring.compromise(keyId, dry(options))
  const heir = ofKeys(outcome, before, options).find(
    ({ state, algorithm }) => state === 'signing' && algorithm === key.algorithm,
  )
  const keeps = roughly(config.keys.maxAgeSeconds)
  tell(
    terminal,
    options,
    outcome,
    before,
    [
      key.state === 'signing' && heir !== undefined
        ? `${nameOf(heir)} signs from now on, on every server within a second.`
        : '',
      `${nameOf(key)} is out of the JWKS and every token that it signed is refused: here at once, within a second by APIs that follow revocations, after at most ${keeps} by others that keep the old JWKS.`,
      'Sessions and refresh tokens stay good; applications get new tokens with them.',
    ]
      .filter(Boolean)
      .join(' '),
  )
}

function afterRetiring(key: KeySummary, { keyring }: Outcome, now: number): string {
  if (key.state === 'retired')
    return `${nameOf(key)} is out of the JWKS: tokens that it signed are refused, though they have not expired.`
  const signing = keyring.keys.find(({ state, algorithm }) => state === 'signing' && algorithm === key.algorithm)
  const stays = signing === undefined ? '' : ` ${nameOf(signing)} continues to sign; ${nextChange(signing, now)}.`
  return `${nameOf(key)} will not sign.${stays}`
}

function getKey(keyring: Keyring, keyId: string): KeySummary {
  const key = keyring.keys.find((one) => one.keyId === keyId)
  if (key === undefined) throw new KeyUnknown()
  return key
}

function dry({ dryRun = false }: ChangeOptions): { dryRun: boolean } {
  return { dryRun }
}

/** The keys as they are now; in a dry run a key that was made for it has no name that would ever be seen again. */
function ofKeys({ keyring }: Outcome, before: Keyring, { dryRun = false }: ChangeOptions): KeySummary[] {
  if (!dryRun) return [...keyring.keys]
  const isKnown = (keyId: string) => before.keys.some((key) => key.keyId === keyId)
  return keyring.keys.map((key) => (isKnown(key.keyId) ? key : { ...key, keyId: NEW_KEY }))
}

const NEW_KEY = '(new)'

function tell(
  terminal: Terminal,
  { dryRun = false, json = false }: ChangeOptions,
  { changes }: Outcome,
  before: Keyring,
  sentence: string,
): void {
  const isKnown = (keyId: string | undefined) => before.keys.some((key) => key.keyId === keyId)
  const rows = changes.map(({ event, keyId, algorithm }) => ({
    kid: dryRun && !isKnown(keyId) ? NEW_KEY : keyId,
    alg: algorithm,
    event,
  }))
  if (json) terminal.out(jsonText({ dry_run: dryRun, changes: rows, sentence }))
  else {
    const shown = rows.length === 0 ? '' : `${table(rows)}\n\n`
    terminal.out(`${shown}${dryRun ? 'Dry run, nothing was changed. It would be so: ' : ''}${sentence}`)
  }
}
