#!/usr/bin/env node
/** The command `grantor`: finds the command's file, runs it, prints errors. */

import { runCommand } from './cli/run.ts'
import { systemTerminal } from './cli/terminal/terminal.ts'

process.exitCode = await runCommand(process.argv.slice(2), systemTerminal())
