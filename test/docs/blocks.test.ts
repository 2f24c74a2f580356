/** Every code block of README and docs/ runs. A block that nothing here knows how to run fails. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import { hashSecret } from '../../src/clients/secrets.ts'
import { createGuard, createVerifier } from '../../src/resource/index.ts'
import { startIssuer } from '../../src/testing/testing.ts'
import { aTerminal } from '../cli/a-terminal.ts'
import { referencePages } from '../house/reference.ts'
import { ROOT } from '../house/root.ts'
import { redisAvailable, startRedis, startServer } from '../support/redis.ts'
import { start } from '../support/start.ts'
import { callEndpoint, createUserAgent, signInAt } from '../support/user-agent.ts'
import { type Block, blocksOf, pages } from './blocks.ts'
import { asHere, ISSUER, MACHINE, openShell, runShell, type Shell } from './run-shell.ts'
import { loadYaml } from './run-yaml.ts'

/** TypeScript that a test of its own runs, and the test. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'docs/protect-an-api.md': 'test/package/examples.ts',
  'docs/revocation.md': 'test/docs/revocation-reader.test.ts',
}

/** Text that shows something: what a program prints, or a drawing. */
const SHOWN: Readonly<Record<string, string>> = {
  'docs/commands.md': 'test/house/documents.ts prints it and compares it',
  'tools/chaos/README.md': 'a line of a report, made up',
  'ARCHITECTURE.md': 'a drawing of how a request travels',
}

type Runner = (block: Block, shell: Shell) => Promise<void> | void

const RUNNERS: Readonly<Record<string, Runner>> = {
  sh: ({ text }, shell) => runShell(text, shell),
  yaml: ({ text }) => expect(() => loadYaml(text)).not.toThrow(),
  ts: runProgram,
  json: runJson,
  http: runHttp,
  text: runText,
  conf: ({ text }) => runRedisConfiguration(text),
  redis: ({ text }) => runRedisCommand(text),
}

describe.each(
  pages()
    .map((page) => ({ page, blocks: blocksOf(page) }))
    .filter(({ blocks }) => blocks.length > 0),
)('the blocks of $page', ({ blocks }) => {
  let shell: Shell
  beforeAll(async () => {
    shell = await openShell()
  })
  afterAll(() => shell.running.close())

  it.each(blocks)('$at ($language) runs', async (block) => {
    const run = RUNNERS[block.language]
    if (run === undefined) throw new Error(`${block.at}: no way to run a block in “${block.language}”`)
    await run(block, shell)
  })
})

describe('docs/learn/', () => {
  const chapters = pages().filter((page) => /^docs\/learn\/\d\d-/.test(page))

  it('has ten chapters, and its first page links each', () => {
    const links = readFileSync(join(ROOT, 'docs/learn/README.md'), 'utf8').matchAll(/\]\((\d\d-[\w-]+\.md)\)/g)

    expect(chapters).toHaveLength(10)
    expect([...links].map(([, file]) => `docs/learn/${file}`)).toEqual(chapters.toSorted())
  })

  it.each(chapters)('%s has something to run', (chapter) => {
    expect(blocksOf(chapter).filter(({ language }) => language === 'ts' || language === 'sh')).not.toEqual([])
  })
})

describe('the reader of blocks', () => {
  it('finds every fence of a page, and knows each language', () => {
    for (const page of pages()) {
      const fences = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^ *```/gm)].length
      expect(blocksOf(page).length * 2, page).toBe(fences)
    }
  })

  it.each([
    ['sh', 'npm run no-such-script'],
    ['sh', 'wget https://login.example'],
    ['sh', 'npx grantor no-such-command'],
    ['sh', 'export NO_SUCH_SETTING=1'],
    ['sh', 'npm run bench -- --no-such-option'],
    ['yaml', 'clients:\n  - client_id: a\n    no_such_setting: 1\n'],
    ['json', '{ "gid": }'],
    ['text', 'something'],
  ])('fails on a block in %s that is wrong: %s', async (language, text) => {
    const shell = await openShell()
    onTestFinished(() => shell.running.close())
    const run = async () => RUNNERS[language]?.({ at: 'README.md:1', page: 'README.md', language, text }, shell)

    await expect(run()).rejects.toThrow()
  })
})

async function runProgram(block: Block, shell: Shell): Promise<void> {
  const { page, text } = block
  // Declarations that are printed from the code and compared with it; documentation.test.ts runs the examples there.
  if (page.startsWith('docs/reference/')) return expect(referencePages().map((one) => one.page)).toContain(page)
  const by = PROGRAMS[page]
  if (by !== undefined) return expect(readFileSync(join(ROOT, by), 'utf8')).toContain(page)
  if (page.startsWith('docs/learn/')) return runLesson(text, shell)
  if (page === 'docs/connect-a-client.md') return signInWith(text)
  if (page === 'docs/getting-started.md') return protectWith(text)
  if (text.startsWith('interface ')) return compareInterface(text)
  throw new Error(`${block.at}: no test runs this program`)
}

/** A program of docs/learn/: it states what it expects itself, and throws when that does not hold. */
async function runLesson(text: string, { running }: Shell): Promise<void> {
  const program = asHere(text, running)
    .replace("'grantor/resource'", `'${join(ROOT, 'src/resource/index.ts')}'`)
    .replace("'grantor/testing'", `'${join(ROOT, 'src/testing/testing.ts')}'`)
  vi.spyOn(console, 'log').mockImplementation(() => undefined)
  onTestFinished(() => void vi.restoreAllMocks())
  expect(text).toContain('assert.')
  await imported(program)
}

/** openid-client as the page has it; it is told to speak to an issuer without TLS. */
async function signInWith(text: string): Promise<void> {
  const secret = 'the secret'
  const redirectUri = 'https://shop.example/callback'
  const running = await start({
    clients: [
      {
        ...{ clientId: 'shop-web', authMethod: 'client_secret_basic', secretHash: hashSecret(secret) },
        ...{ redirectUris: [redirectUri], scopes: ['openid', 'profile', 'email'] },
      },
    ],
  })
  onTestFinished(() => running.close())
  const program = text
    .replaceAll(ISSUER, running.issuer)
    .replace('{}, authentication)', '{}, authentication, { execute: [openid.allowInsecureRequests] })')
  const { signInUrl, callback } = (await imported(program)) as {
    signInUrl: URL
    callback: (url: URL) => Promise<{ access_token: string; token_type: string; claims(): { sub: string } | undefined }>
  }

  const left = await signInAt(createUserAgent(running), signInUrl)
  const tokens = await callback(left)

  expect(tokens.access_token.split('.')).toHaveLength(3)
  expect(tokens.token_type).toBe(text.includes('{ DPoP }') ? 'dpop' : 'bearer')
  expect(signInUrl.searchParams.has('request_uri')).toBe(text.includes('WithPAR'))
  expect(tokens.claims()?.sub).toBeTypeOf('string')
}

/** The lines of the page in an app of Koa, at an API of their own. */
async function protectWith(text: string): Promise<void> {
  const audience = 'https://shop.example/api'
  const running = await start({
    apis: [{ audience, scopes: { 'cart:read': 'See your cart' } }],
    clients: [
      {
        ...{ clientId: 'machine', authMethod: 'client_secret_basic', secretHash: hashSecret('secret') },
        ...{ grantTypes: ['client_credentials'], apis: { [audience]: ['cart:read'] } },
      },
    ],
  })
  onTestFinished(() => running.close())
  const resource = join(ROOT, 'src/resource/index.ts')
  const program = text.replace("'grantor/resource'", `'${resource}'`).replace('http://localhost:3000', running.issuer)
  const { app } = (await imported(`import Koa from 'koa'\nexport const app = new Koa()\n${program}`)) as {
    app: {
      use(answer: (ctx: { body: string }) => void): unknown
      listen(port: number, host: string): import('node:http').Server
    }
  }
  app.use((ctx) => {
    ctx.body = 'cart'
  })
  const server = app.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const params = { grant_type: 'client_credentials', resource: audience, scope: 'cart:read' }
  const { body } = await callEndpoint(`${running.issuer}/token`, params, { id: 'machine', secret: 'secret' })
  const ask = (headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${port}/`, { headers }).then(({ status }) => status)

  expect(await ask({})).toBe(401)
  expect(await ask({ authorization: `Bearer ${body.access_token}` })).toBe(200)
}

/** A program in a file of the project, so that it finds the packages. */
async function imported(program: string): Promise<unknown> {
  const folder = await mkdtemp(join(ROOT, 'node_modules/.cache-doc-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'program.mts')
  await writeFile(file, program)
  return import(file)
}

/** Methods and parameters of an interface as its source declares it; the page leaves most types out. */
function compareInterface(text: string): void {
  const source = readFileSync(join(ROOT, 'src/keyring/external-signer/external-signer.ts'), 'utf8')
  const methods = new Map<string, number>()
  new Visitor({
    TSInterfaceDeclaration({ id, body }) {
      if (id.name !== 'ExternalSigner') return
      for (const member of body.body)
        if (member.type === 'TSMethodSignature' && member.key.type === 'Identifier')
          methods.set(member.key.name, member.params.length)
    },
  }).visit(parseSync('signer.ts', source).program)
  const shown = [...text.matchAll(/^ {2}(\w+)\((.*)\):/gm)].map(([, name = '', params = '']) => {
    return [
      name,
      params
        .replaceAll(/\{[^}]*\}/g, 'one')
        .split(',')
        .filter(Boolean).length,
    ] as const
  })

  expect(new Map(shown)).toEqual(methods)
}

/** An entry of the feed, or one of its pages, has no member that the server does not send. */
async function runJson({ text }: Block, { running }: Shell): Promise<void> {
  const shown = JSON.parse(text) as Record<string, unknown>
  await running.nodes[0]?.revocation.endGrant('tHq0R2C5YlOrVrAGCVs0dwIE', 'grant_ended_by_operator')
  const params = { grant_type: 'client_credentials', resource: running.issuer, scope: 'revocations:read' }
  const { body } = await callEndpoint(`${running.issuer}/token`, params, MACHINE)
  const headers = { authorization: `Bearer ${body.access_token}`, accept: 'application/json' }
  const page = (await (await fetch(`${running.issuer}/revocations`, { headers })).json()) as {
    revocations: Record<string, unknown>[]
  }
  const entry = page.revocations.find(({ gid }) => gid === 'tHq0R2C5YlOrVrAGCVs0dwIE') ?? {}
  const [of] = 'revocations' in shown ? (shown.revocations as Record<string, unknown>[]) : [shown]

  expect(Object.keys(entry)).toEqual(expect.arrayContaining(Object.keys(of ?? {})))
  if ('revocations' in shown) expect(Object.keys(shown).toSorted()).toEqual(Object.keys(page).toSorted())
}

/** The answer of a guard, word for word. */
async function runHttp({ text }: Block): Promise<void> {
  const audience = 'https://orders.example'
  const issuer = await startIssuer({ audience })
  onTestFinished(() => issuer.close())
  const verifier = createVerifier({ issuer: issuer.issuer, audience, clock: issuer.clock })
  onTestFinished(() => verifier.close())
  const guard = createGuard(verifier, { scopes: ['orders:write'] })
  const token = await issuer.mint({ scopes: ['orders:read'] })
  const authorization = `Bearer ${token}`
  const outcome = await guard({
    method: 'GET',
    url: '/',
    headers: { authorization },
    rawHeaders: ['authorization', authorization],
  } as never)
  if (!('answer' in outcome)) throw new Error('the token was taken')
  const [head = '', body = ''] = text.trim().split('\n\n')
  const [status = '', ...lines] = head.split('\n')
  const headers = Object.fromEntries(
    Object.entries(outcome.answer.headers).map(([name, value]) => [name.toLowerCase(), value]),
  )

  expect(outcome.answer.status).toBe(Number(status.split(' ')[1]))
  for (const line of lines) {
    const [name = '', value] = line.split(/: (.*)/s)
    expect(headers[name.toLowerCase()]).toBe(value)
  }
  expect(JSON.parse(String(outcome.answer.body))).toEqual(JSON.parse(body))
}

async function runText({ at, page, text }: Block, { running }: Shell): Promise<void> {
  if (SHOWN[page] !== undefined) return
  if (text.startsWith('KID ')) return compareColumns(text)
  if (text.startsWith('retry: ')) return compareEvents(text, running.issuer)
  // The life of a key: its states are those of the ring.
  const states = [...text.matchAll(/\b(next|signing|retired)\b/g)].map(([state]) => state)
  if (new Set(states).size === 3) return
  throw new Error(`${at}: nothing knows what this shows`)
}

async function compareColumns(text: string): Promise<void> {
  const terminal = await aTerminal()
  const { out } = await terminal.run('keys list')
  // The column of verifiers is there once one has come.
  const printed = out + readFileSync(join(ROOT, 'src/cli/keys/list.ts'), 'utf8')
  const [shown = ''] = text.split('\n')

  for (const column of shown.split(/[\s…]+/).filter(Boolean))
    expect(printed.toLowerCase()).toContain(column.toLowerCase())
}

async function compareEvents(text: string, url: string): Promise<void> {
  const params = { grant_type: 'client_credentials', resource: url, scope: 'revocations:read' }
  const { body } = await callEndpoint(`${url}/token`, params, MACHINE)
  const headers = { authorization: `Bearer ${body.access_token}`, accept: 'text/event-stream' }
  const response = await fetch(`${url}/revocations`, { headers })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let sent = ''
  while (!sent.includes('event: current') || !sent.includes('event: revocation')) {
    const { value, done } = (await reader?.read()) ?? { done: true }
    if (done) throw new Error(`the feed answered ${response.status} ${sent}`)
    sent += value
  }
  await reader?.cancel()
  const shapes = (stream: string) =>
    new Set(
      [...stream.matchAll(/^event: (\w+)\n(?:id: .*\n)?data: (.*)$/gm)].map(
        ([, event, data = '{}']) =>
          `${event} ${Object.keys(JSON.parse(data) as object)
            .toSorted()
            .join(' ')}`,
      ),
    )

  for (const shape of shapes(text)) expect([...shapes(sent)]).toContain(shape)
}

async function runRedisConfiguration(text: string): Promise<void> {
  if (!redisAvailable()) return
  const lines = text
    .split('\n')
    .map((line) => line.split(/\s+#/)[0]?.trim() ?? '')
    .filter(Boolean)
  const redis = await startServer([], lines)
  onTestFinished(() => redis.close())
  for (const line of lines) {
    const [name = '', value = ''] = line.split(' ')
    expect(await redis.cli('CONFIG', 'GET', name)).toContain(value)
  }
}

async function runRedisCommand(text: string): Promise<void> {
  if (!redisAvailable()) return
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  expect(await redis.cli(...text.trim().split(/\s+/))).toBe('OK')
}
