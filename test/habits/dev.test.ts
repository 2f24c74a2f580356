/** `npm run dev` on a copy of the tree, so that its views can be changed. */

import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

import { ROOT } from '../house/root.ts'
import { within } from '../support/figures.ts'
import { freePort } from '../support/start.ts'

it('npm run dev serves a changed view and a changed source without being started again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'grantor-dev-'))
  for (const name of ['src', 'views', 'bin', 'package.json', 'tools/habits'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const [port, opsPort] = [await freePort(), await freePort()]
  const env = {
    ...process.env,
    PORT: String(port),
    OPS_PORT: String(opsPort),
    DATA_DIR: join(folder, 'data'),
    NODE_ENV: '',
  }
  const dev = spawn(process.execPath, ['tools/habits/dev.ts'], { cwd: folder, env, stdio: 'ignore' })
  const gone = new Promise((resolve) => dev.once('exit', resolve))
  onTestFinished(async () => {
    dev.kill('SIGTERM')
    await gone
    rmSync(folder, { recursive: true, force: true })
  })
  const landing = () =>
    fetch(`http://localhost:${port}/`).then(
      (answer) => answer.text(),
      () => '',
    )
  await expect.poll(landing, within(30_000)).toContain('Grantor')

  const [view = ''] = filesIn(join(folder, 'views')).filter((path) => path.endsWith('/landing.ejs'))
  writeFileSync(view, `${readFileSync(view, 'utf8')}\n<!-- a changed view -->\n`)
  await expect.poll(landing, within(30_000)).toContain('a changed view')

  const titled = "title: 'Grantor'"
  const [source = ''] = filesIn(join(folder, 'src/http')).filter((path) => readFileSync(path, 'utf8').includes(titled))
  writeFileSync(source, readFileSync(source, 'utf8').replace(titled, "title: 'A changed source'"))
  await expect.poll(landing, within(30_000)).toContain('A changed source')
})

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
