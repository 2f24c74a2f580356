/** `grantor audit`: what happened lately, oldest first. */

import { Command, InvalidArgumentError } from 'commander'

import { type Audit, AUDIT_EVENTS, type AuditRecord } from '../../audit/audit.ts'
import { withDomain } from '../domain.ts'
import { JSON_OPTION, pairs, print } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

interface AuditOptions {
  readonly limit: number
  readonly event?: string
  readonly json?: boolean
}

const PAGE = 500

export function auditCommand(terminal: Terminal): Command {
  return new Command('audit')
    .description('the latest events of the audit trail, oldest first')
    .option('--limit <count>', 'at most so many', count, 50)
    .option('--event <name>', 'only events of this name, such as login.failed', eventName)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExamples:\n  grantor audit --limit 20\n  grantor audit --event login.failed --json')
    .action(async ({ limit, event, json }: AuditOptions) => {
      await withDomain(terminal, async ({ audit }) => {
        const records = await latest(audit, limit, event)
        const rows = records.map(({ at, event: name, ...fields }) => ({ at, event: name, details: pairs(fields) }))
        print(terminal, json, rows, records)
      })
    })
}

/** The trail is read from its start; a window of `limit` records travels along, so memory stays small. */
async function latest(audit: Audit, limit: number, event: string | undefined): Promise<AuditRecord[]> {
  let window: AuditRecord[] = []
  let cursor: string | undefined
  for (;;) {
    const page = await audit.read(cursor, PAGE)
    const wanted = page.map((entry) => entry.record).filter((record) => event === undefined || record.event === event)
    window = [...window, ...wanted].slice(-limit)
    cursor = page.at(-1)?.cursor
    if (page.length < PAGE) return window
  }
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('A whole number from 1 to 999999 is wanted.')
  return Number(text)
}

function eventName(text: string): string {
  if (!Object.hasOwn(AUDIT_EVENTS, text))
    throw new InvalidArgumentError(`There are ${Object.keys(AUDIT_EVENTS).join(', ')}.`)
  return text
}
