/**
 * `npm run dev`: the server, started again whenever a source, a view or grantor.yaml changes.
 *
 * Node's --watch follows imports only, and views are no imports. Changes that come together, as an editor or Git makes
 * them, cause one restart. The store stays, so a session survives a restart.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const WATCHED = ['src', 'views', 'grantor.yaml']
const SETTLE_MS = 100

function start(): ChildProcess {
  return spawn(process.execPath, [join(ROOT, 'bin/grantor.js'), 'start'], { cwd: ROOT, stdio: 'inherit' })
}

let server = start()
let restarting: Promise<void> | undefined
let timer: NodeJS.Timeout | undefined

async function restart(what: string): Promise<void> {
  console.log(`${what} changed: starting again`)
  const closed = server.exitCode === null ? once(server, 'exit') : undefined
  server.kill('SIGTERM')
  await closed
  server = start()
}

for (const path of WATCHED) {
  try {
    watch(join(ROOT, path), { recursive: true }, (_, file) => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        restarting = (restarting ?? Promise.resolve()).then(() => restart(join(path, String(file ?? ''))))
      }, SETTLE_MS)
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.once('exit', () => process.exit())
    if (!server.kill(signal)) process.exit()
  })
}
