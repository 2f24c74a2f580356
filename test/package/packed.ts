/** The package as a stranger gets it: packed by npm, and installed by npm into an empty project. */

import { type ChildProcess, execFile, fork } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { describe } from 'vitest'

import { ROOT } from '../house/root.ts'

const run = promisify(execFile)

/** The Node that runs the tests stands first, so that `node` and whatever npm starts are the same. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }

/** `describe`, or in its place one loud line when no registry answers; where CI must have one, a failure. */
export async function describeWithRegistry(title: string, tests: () => void): Promise<void> {
  try {
    await run('npm', ['view', 'jose', 'version', '--fetch-retries=0'], { cwd: ROOT, env, timeout: 30_000 })
    describe(title, tests)
  } catch (cause) {
    if (process.env.CI === 'true') throw new Error(`no registry answers, and CI must not skip "${title}"`, { cause })
    console.warn(`SKIPPED ${title}: no registry of packages answers`)
    describe.skip(title, tests)
  }
}

export interface Packed {
  /** The tarball. */
  readonly tarball: string
  /** An empty project, but for the package and what the examples use. */
  readonly project: string
  /** Gives what a program wrote to its standard output. Rejects, with what it wrote, when it fails. */
  readonly runIn: (folder: string, command: string, ...args: string[]) => Promise<string>
  readonly close: () => Promise<void>
}

const BESIDE = ['koa', 'express', 'fastify', '@types/koa', '@types/express', '@types/node']

export async function pack(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), 'grantor-package-'))
  const close = () => rm(folder, { recursive: true, force: true })
  try {
    return { ...(await packInto(folder)), runIn, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function packInto(folder: string): Promise<Pick<Packed, 'tarball' | 'project'>> {
  const packed = await runIn(ROOT, 'npm', 'pack', '--json', '--pack-destination', folder)
  // What the build says stands before what npm says.
  const [{ filename }] = JSON.parse(packed.slice(packed.indexOf('\n[') + 1)) as [{ filename: string }]
  const tarball = join(folder, filename)
  const project = join(folder, 'project')
  await mkdir(project)
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const versions = await Promise.all(BESIDE.map(async (name) => `${name}@${await versionOf(name)}`))
  await runIn(project, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...versions)
  return { tarball, project }
}

async function runIn(cwd: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(command, args, { cwd, env, maxBuffer: 1e8 })
  return stdout
}

async function versionOf(name: string): Promise<string> {
  const text = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** A project that has the package, jose and the types of node, and nothing else of what the package names. */
export async function withJoseAlone({ project, tarball, runIn }: Packed): Promise<string> {
  const folder = join(dirname(project), 'jose-alone')
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, 'grantor'), { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await runIn(folder, 'tar', '-xzf', tarball, '-C', join(modules, 'grantor'), '--strip-components=1')
  for (const name of ['jose', '@types/node', 'undici-types']) {
    await cp(join(project, 'node_modules', name), join(modules, name), { recursive: true })
  }
  return folder
}

export interface RunningProgram {
  readonly stop: () => Promise<void>
}

/** Starts a program of the project. What it writes is thrown when it ends before it is stopped. */
export function startProgram(
  project: string,
  file: string,
  more: Readonly<Record<string, string>> = {},
  ...args: string[]
): RunningProgram & { readonly child: ChildProcess } {
  const child = fork(join(project, file), args, { cwd: project, env: { ...env, ...more }, execArgv: [], silent: true })
  let said = ''
  child.stdout?.on('data', (chunk) => (said += chunk))
  child.stderr?.on('data', (chunk) => (said += chunk))
  let stopping = false
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.once('exit', (code) => {
    if (!stopping) console.error(`${file} ended with ${code}:\n${said}`)
  })
  return {
    child,
    async stop() {
      stopping = true
      child.kill()
      await ended
    },
  }
}
