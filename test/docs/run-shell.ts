/** Runs the shell blocks of the pages: grantor on a store of its own, curl against a running server, npm by its scripts. */

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'

import { hashSecret } from '../../src/clients/secrets.ts'
import { SETTING_NAMES } from '../../src/config/environment/settings.ts'
import { readOptions as benchOptions } from '../../tools/bench/options.ts'
import { readOptions as chaosOptions } from '../../tools/chaos/options.ts'
import { readOptions as soakOptions } from '../../tools/soak/options.ts'
import { aTerminal, type TestTerminal } from '../cli/a-terminal.ts'
import { ROOT } from '../house/root.ts'
import { type Running, start } from '../support/start.ts'
import { type Command, commandsIn, curlRequest } from './shell.ts'

export const ISSUER = 'https://login.example'

/** What blocks of one page share: the server that they ask, and what an earlier answer put into a variable. */
export interface Shell {
  readonly running: Running
  readonly variables: Record<string, string>
}

/** A server with the demo and the client that the pages name; `asHere` gives a block its address. */
export async function openShell(): Promise<Shell> {
  const running = await start({
    clients: [
      {
        ...{ clientId: 'nightly-report', authMethod: 'client_secret_basic', secretHash: hashSecret('the-secret') },
        ...{ grantTypes: ['client_credentials'], apis: { 'https://reports.example': ['reports:read'] } },
      },
    ],
  })
  return { running, variables: {} }
}

export const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }

/** The client that reads the feed is the machine of the demo, which may. */
export function asHere(text: string, { issuer }: Running): string {
  return text
    .replaceAll(ISSUER, issuer)
    .replaceAll('http://localhost:3000', issuer)
    .replaceAll('orders-api:SECRET', `${MACHINE.id}:${MACHINE.secret}`)
}

/** Commands that another test runs, and a text of that test by which it is seen. */
const RUN_BY: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'npm ci': ['.ci/run', 'npm ci'],
  'npm ci --omit=dev': ['Dockerfile', 'npm ci --omit=dev'],
  'npm start': ['test/feature/processes/start.test.ts', 'bin/grantor.js'],
  'npm run dev': ['test/habits/dev.test.ts', 'tools/habits/dev.ts'],
  'npm run hooks': ['test/habits/commit-message.test.ts', "'hooks'"],
  'npm run coverage': ['test/habits/coverage.test.ts', 'byFolder'],
  'npm run mutate -- src/keyring/ring': ['test/habits/mutants.test.ts', 'mutantsOf'],
  'npm run figures': ['test/habits/figures.test.ts', 'shapeOf'],
  'npx node src/try.ts': ['test/docs/blocks.test.ts', 'runLesson'],
  'npm run samples': ['test/samples/samples-fixture.ts', 'startSamples'],
  'npm run demo': ['test/samples/demo.test.ts', 'walk'],
  'npm test': ['test/habits/slow-tests.test.ts', 'npm test'],
  'npm run test:all': ['.ci/run', 'npm run test:all'],
  'npm run test:nodes': ['.ci/run', 'npm run test:nodes'],
  'npm run test:tools': ['tools/vitest.config.ts', 'test:tools'],
  'npm run check': ['.ci/run', 'npm run check'],
  'mkdir -m 700 run': ['test/support/signing-process.ts', 'mkdtemp'],
  'node src/samples/signing-process/main.ts': ['test/support/signing-process.ts', 'samples/signing-process/main.ts'],
}

/** The options of a tool are read as the tool reads them. */
const TOOLS: Readonly<Record<string, (args: readonly string[]) => unknown>> = {
  bench: benchOptions,
  chaos: (args) => chaosOptions(args, 1),
  'soak:keys': soakOptions,
}

export async function runShell(text: string, shell: Shell): Promise<void> {
  const exported: Record<string, string> = {}
  const terminal = await aTerminal({}, Date.now)
  // Line by line, because a line may need what the answer of the one before put into a variable.
  for (const line of linesOf(asHere(text, shell.running))) {
    if (line.startsWith('test -s ')) {
      await makeOnce(line, exported)
      continue
    }
    for (const command of commandsIn(line, shell.variables)) {
      const [program, ...args] = command.words
      if (program === 'export') exportInto(exported, args)
      else if (program === 'curl' || command.words[0] === 'curl') await runCurl(command, shell)
      else if (program === 'npx' && args[0] === 'grantor')
        await runGrantor(args.slice(1), command, terminal, { exported, shell })
      else if (program === 'node' && args[0] === 'src/cli.ts')
        await runGrantor(args.slice(1), command, terminal, { exported, shell })
      else runByAnother(command)
    }
  }
}

/** A secret may stand in a file. */
const SECRET_FILES = ['GRANTOR_ROOT_KEY_FILE']

function exportInto(exported: Record<string, string>, args: readonly string[]): void {
  for (const arg of args) {
    const [name = '', value = ''] = arg.split(/=(.*)/s)
    expect([...SETTING_NAMES, ...SECRET_FILES, 'NODE_ENV']).toContain(name)
    exported[name] = value
  }
}

/** A line that makes the root key runs in a shell of its own, twice: the second time nothing changes. */
async function makeOnce(line: string, exported: Readonly<Record<string, string>>): Promise<void> {
  const file = join((await aTerminal()).folder, 'root.key')
  // No machine has to have openssl for this.
  const openssl = 'openssl() { head -c 32 /dev/urandom | base64; }\n'
  const env = { ...process.env, ...exported, GRANTOR_ROOT_KEY_FILE: file }
  const run = () => spawnSync('sh', ['-c', `${openssl}${line}`], { env })
  run()
  const made = await readFile(file, 'utf8')
  run()

  expect(Buffer.from(made.trim(), 'base64')).toHaveLength(32)
  expect(await readFile(file, 'utf8')).toBe(made)
  expect((await stat(file)).mode & 0o077).toBe(0)
}

function runByAnother({ words, env }: Command): void {
  const line = words.join(' ')
  const [tool, args] = /^npm run ([\w:-]+)(?: -- (.*))?$/.exec(line)?.slice(1) ?? []
  const read = TOOLS[tool ?? '']
  if (read !== undefined) {
    expect(() => read(args?.split(' ') ?? [])).not.toThrow()
    return
  }
  const by = RUN_BY[line]
  if (by === undefined) throw new Error(`no test runs “${line}”: run it here, or name the test that does in RUN_BY`)
  expect(readFileSync(join(ROOT, by[0]), 'utf8')).toContain(by[1])
  if (Object.keys(env).length > 0)
    for (const name of Object.keys(env)) expect(readFileSync(join(ROOT, by[0]), 'utf8')).toContain(name)
}

async function runCurl({ words, into, prints }: Command, { variables }: Shell): Promise<void> {
  const { url, init, streams } = curlRequest(words)
  const response = await fetch(url, init)
  if (streams) {
    const reader = response.body?.getReader()
    const { value } = (await reader?.read()) ?? {}
    await reader?.cancel()
    expect(new TextDecoder().decode(value)).toContain('retry: ')
    return
  }
  const body = await response.text()
  expect(response.status, `${url}: ${body}`).toBe(200)
  if (prints !== undefined) expect(JSON.parse(body)).toEqual(JSON.parse(prints))
  const answer = (body === '' ? {} : JSON.parse(body)) as Record<string, string>
  if (answer.access_token !== undefined) variables.ACCESS_TOKEN = answer.access_token
  if (into !== undefined) variables[into.variable] = answer[into.member] ?? ''
}

interface Surroundings {
  readonly exported: Readonly<Record<string, string>>
  readonly shell: Shell
}

/** Prompts are answered: a password twice, and yes. */
const TYPED = ['correct horse battery staple 26', 'correct horse battery staple 26']

async function runGrantor(
  args: readonly string[],
  { input }: Command,
  terminal: TestTerminal,
  { exported, shell }: Surroundings,
): Promise<void> {
  const line = args.join(' ')
  if (line === 'config check' && exported.NODE_ENV === 'production') return checkProduction(exported)
  if (line === 'keys verify') return expectRun(terminal, 'keys verify --help')
  if (line.startsWith('keys rotate --compromised')) {
    const { out } = await terminal.run('keys list --json')
    const [key] = JSON.parse(out) as { kid: string }[]
    return expectRun(terminal, `${line.replace('KID', key?.kid ?? '')} --yes`)
  }
  if (/^(?:backup|restore) /.test(line)) return runBackup(line, terminal)
  const piped = input === undefined ? undefined : (shell.variables.ACCESS_TOKEN ?? '')
  await expectRun(terminal, line, piped === undefined ? { typed: TYPED } : { piped })
}

/** Backup and restore stand in different blocks: a backup is taken first, and restored into an empty store. */
async function runBackup(line: string, terminal: TestTerminal): Promise<void> {
  const here = line.replace(/(--to|--from) \S+/, '$1 backup.gz')
  if (line.startsWith('backup')) {
    await expectRun(terminal, 'keys list')
    return expectRun(terminal, here)
  }
  const path = join(terminal.folder, 'backup.gz')
  if (!existsSync(path)) {
    await expectRun(terminal, 'keys list')
    await expectRun(terminal, 'backup --to backup.gz')
  }
  await rm(join(terminal.folder, 'data'), { recursive: true })
  await expectRun(terminal, `${here} --yes`)
}

const EXAMPLE = `
apis: [{ audience: https://shop.example/api, scopes: { 'cart:read': See your cart } }]
clients: [{ client_id: shop, token_endpoint_auth_method: none, grant_types: [authorization_code], redirect_uris: [https://shop.example/callback] }]
`

/** The settings of a production server: with the example of grantor.yaml, at the path that the page names. */
async function checkProduction(exported: Readonly<Record<string, string>>): Promise<void> {
  const path = exported.GRANTOR_CONFIG ?? ''
  const terminal = await aTerminal({ ...exported, GRANTOR_CONFIG: 'grantor.yaml', GRANTOR_ROOT_KEY_FILE: 'root.key' })
  expect(path).toMatch(/grantor\.yaml$/)
  await writeFile(join(terminal.folder, 'grantor.yaml'), EXAMPLE)
  await writeFile(join(terminal.folder, 'root.key'), randomBytes(32).toString('base64'))
  // The Redis of the example is not here.
  await expectRun(terminal, 'config check --no-store')
}

async function expectRun(terminal: TestTerminal, line: string, input = {}): Promise<void> {
  const { code, out, err } = await terminal.run(line, input)
  expect(code, `grantor ${line}\n${out}\n${err}`).toBe(0)
}

function linesOf(text: string): string[] {
  return text.replaceAll(/ *\\\n */g, ' ').split('\n')
}
