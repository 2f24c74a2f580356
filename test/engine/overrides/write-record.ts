/** `npx node test/engine/overrides/write-record.ts`: the installed engine is the one that was read. */

import { writeFileSync } from 'node:fs'

import { readEngine } from './read-engine.ts'

writeFileSync(new URL('engine-record.json', import.meta.url), `${JSON.stringify(await readEngine(), undefined, 2)}\n`)
