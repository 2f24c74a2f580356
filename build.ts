/**
 * `npm run build`, which `npm pack` runs first: from src/ to dist/, JavaScript with declarations.
 *
 * Only a package needs it. A clone runs its sources, but Node strips no types inside node_modules.
 */

import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

rmSync(at('dist'), { recursive: true, force: true })
execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('tsconfig.build.json')], {
  stdio: 'inherit',
})
cpSync(at('src/store/scripts'), at('dist/store/scripts'), { recursive: true })

// tsc rewrites the imports of what it compiles, but not those of the declarations: './claims.ts' would be asked for.
for (const name of readdirSync(at('dist'), { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue
  const file = at(`dist/${name}`)
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/((?:from |import\()['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'))
}
