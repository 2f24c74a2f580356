#!/usr/bin/env node
/**
 * The command `grantor`: finds the command's file, runs it, prints errors.
 *
 * A third of a short command is compiling, so what was compiled is kept where the server keeps it (main.ts).
 */

import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/grantor', import.meta.url)))
const [{ runCommand }, { systemTerminal }] = await Promise.all([
  import('./cli/run.ts'),
  import('./cli/terminal/terminal.ts'),
])

process.exitCode = await runCommand(process.argv.slice(2), systemTerminal())
