#!/usr/bin/env node
// The command in a clone and in a package alike: a clone runs its sources as they stand, and a package what was built of
// them, because Node strips no types inside node_modules.
import { existsSync } from 'node:fs'

const source = new URL('../src/cli.ts', import.meta.url)
await import(existsSync(source) ? source.href : '../dist/cli.js')
