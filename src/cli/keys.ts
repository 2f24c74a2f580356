/** `grantor keys`: the signing keys that all servers of one store share. Nothing private is ever printed. */

import { Command } from 'commander'

import { addRetire, addRotate } from './keys-change.ts'
import { addList } from './keys-list.ts'
import { addRotateRoot } from './keys-root.ts'
import { addVerify } from './keys-verify.ts'
import type { Terminal } from './terminal.ts'

export function keysCommand(terminal: Terminal): Command {
  const command = new Command('keys').description('the signing keys, and the root key that seals them')
  for (const add of [addList, addRotate, addRetire, addRotateRoot, addVerify]) add(command, terminal)
  return command
}
