/** `grantor keys list`: every key, what becomes of it next, and who holds it already. */

import type { Command } from 'commander'

import { epochSeconds } from '../../base/clock.ts'
import type { KeySummary } from '../../keyring/keyring.ts'
import type { Held, Verifiers } from '../../keyring/verifiers.ts'
import { withDomain } from '../domain.ts'
import { nextChange, nextEvent } from './key-states.ts'
import { JSON_OPTION, timestamp, print } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface ListedKey extends KeySummary {
  /** For a key that is to sign: how many verifiers hold it, once any verifier has reported. */
  readonly verifiers?: Held
}

export function addList(parent: Command, terminal: Terminal): void {
  parent
    .command('list')
    .description(
      'every key with its state and what becomes of it next; a store without keys gets them now, as at the first start',
    )
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor keys list --json')
    .action(async ({ json }: { json?: boolean }) => {
      await withDomain(terminal, async ({ keyring, verifiers }) => {
        const now = epochSeconds(terminal.clock)
        const listed = await Promise.all(keyring.current().keys.map((key) => withVerifiers(key, verifiers)))
        print(
          terminal,
          json,
          listed.map((key) => row(key, now)),
          listed.map(toJson),
        )
        if (json !== true) terminal.out(`\n${nextEvent(listed, now)}`)
      })
    })
}

async function withVerifiers(key: KeySummary, verifiers: Verifiers): Promise<ListedKey> {
  if (key.publishedIn === undefined) return key
  const held = await verifiers.holding(key.publishedIn)
  return held.known === 0 ? key : { ...key, verifiers: held }
}

function row({ verifiers, ...key }: ListedKey, now: number) {
  return {
    kid: key.keyId,
    alg: key.algorithm,
    state: key.state,
    created: timestamp(key.createdAt),
    next: nextChange(key, now),
    ...(key.heldExternally && { held: 'external' }),
    ...(verifiers && { verifiers: `${verifiers.holding} of ${verifiers.known} verifiers hold it` }),
  }
}

const CHANGES = { next: 'signs', signing: 'rotates', retired: 'gone' } as const

/** Moments in epoch seconds. */
function toJson({ keyId, algorithm, state, createdAt, changesAt, heldExternally, verifiers }: ListedKey) {
  return {
    ...{ kid: keyId, alg: algorithm, state, created_at: createdAt },
    next: { change: CHANGES[state], at: changesAt },
    ...(heldExternally && { held: 'external' }),
    ...(verifiers && { verifiers }),
  }
}
