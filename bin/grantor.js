#!/usr/bin/env node
// The command in a clone and in a package alike: a clone runs its sources as they stand, and a package what was built of
// them, because Node strips no types inside node_modules. This file alone runs on any Node, and refuses one that is old.
import { existsSync } from 'node:fs'

const OLDEST = 24

if (Number.parseInt(process.versions.node, 10) < OLDEST) {
  console.error(
    `Grantor needs Node ${OLDEST} or newer, and this is ${process.version}: install one, or use the npm package "node".`,
  )
  process.exitCode = 1
} else {
  const source = new URL('../src/cli.ts', import.meta.url)
  await import(existsSync(source) ? source.href : '../dist/cli.js')
}
