/** `grantor keys`: the signing keys that all servers of one store share. Nothing private is ever printed. */

import { Command } from 'commander'

import { addRetire, addRotate } from './change.ts'
import { addList } from './list.ts'
import { addRotateRoot } from './root.ts'
import { addVerify } from './verify.ts'
import type { Terminal } from '../terminal/terminal.ts'

export function keysCommand(terminal: Terminal): Command {
  const command = new Command('keys').description('the signing keys, and the root key that seals them')
  for (const add of [addList, addRotate, addRetire, addRotateRoot, addVerify]) add(command, terminal)
  return command
}
