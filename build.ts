/**
 * `npm run build`, which `npm pack` runs first: from src/ to dist/, JavaScript with declarations.
 *
 * Only a package needs it. A clone runs its sources, but Node strips no types inside node_modules.
 */

import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const tsc = at('node_modules/typescript/bin/tsc')

rmSync(at('dist'), { recursive: true, force: true })
execFileSync(process.execPath, [tsc, '-p', at('tsconfig.build.json')], { stdio: 'inherit' })
cpSync(at('src/store/redis/scripts'), at('dist/store/redis/scripts'), { recursive: true })
