/** The command `grantor`, through its real parts: what it prints, what it changes, how it ends. */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { hashHandle } from '../../src/base/sealing.ts'
import { documentedSettings } from '../../src/cli/config/documented.ts'
import { fileSchema } from '../../src/config/file/file.ts'
import { SETTING_NAMES } from '../../src/config/environment/settings.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { ROOT } from '../house/root.ts'
import { oneClient, PRODUCTION } from '../config/sources.ts'
import { aTerminal } from './a-terminal.ts'

const PASSWORD = 'four unlikely words together'

describe('grantor', () => {
  it('prints what there is when no command is given, and ends well', async () => {
    const { code, out } = await (await aTerminal()).run('')

    expect(code).toBe(0)
    for (const command of ['start', 'config', 'accounts', 'clients', 'apis', 'keys', 'token', 'audit'])
      expect(out).toContain(`\n  ${command}`)
  })

  it.each([
    'frobnicate',
    'accounts',
    'accounts frobnicate',
    'accounts create',
    'audit --limit many',
    'audit --event none',
    'keys list --yaml',
  ])('ends with 2 when it does not understand: %s', async (line) => {
    const { code, out, err } = await (await aTerminal()).run(line)

    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).not.toBe('')
  })

  it('ends with 1 and the whole list of problems when the settings are refused', async () => {
    const { code, out, err } = await (await aTerminal({ NODE_ENV: 'production' })).run('accounts list')

    expect({ code, out }).toEqual({ code: 1, out: '' })
    const missing = ['ISSUER', 'GRANTOR_ROOT_KEY', 'TRUST_PROXY', 'GRANTOR_CONFIG']
    expect(err.split('\n').map((line) => line.split(' ')[0])).toEqual(missing)
  })

  it('prints its version and that of Node', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))

    for (const option of ['--version', '-V']) {
      expect(await (await aTerminal()).run(option)).toEqual({
        code: 0,
        out: `grantor ${version} (Node ${process.versions.node})`,
        err: '',
      })
    }
  })

  it('runs as a program of its own', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'src/cli.ts'), 'accounts', 'frobnicate'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise((resolve) => child.once('exit', resolve)),
    ])

    expect({ out, code }).toEqual({ out: '', code: 2 })
    expect(err).toContain("unknown command 'frobnicate'")
  })
})

describe('grantor config check', () => {
  it('prints the settings that hold', async () => {
    const { code, out } = await (await aTerminal({ PORT: '4000' })).run('config check')

    expect(code).toBe(0)
    expect(out).toMatch(/^ISSUER +http:\/\/localhost:4000$/m)
    expect(out).toMatch(/^lifetimes\.refresh_token +30d$/m)
    expect(out).toMatch(/^GRANTOR_CONFIG +\(unset\)$/m)
  })

  it('names the file that was read', async () => {
    const terminal = await aTerminal()
    await writeFile(join(terminal.folder, 'grantor.yaml'), 'demo: false\n')

    const { GRANTOR_CONFIG, demo } = JSON.parse((await terminal.run('config check --json')).out)

    expect({ GRANTOR_CONFIG, demo }).toEqual({ GRANTOR_CONFIG: join(terminal.folder, 'grantor.yaml'), demo: false })
  })

  it('names every setting of the environment and of grantor.yaml as the documentation does', async () => {
    const shown = Object.keys(documentedSettings(loadConfig({ env: {}, cwd: '/nowhere' })))
    const sections = Object.entries(fileSchema.shape).flatMap(([name, schema]) => settingsIn(name, schema))

    // `issuer` of the file stands under ISSUER, and a former name under the present one.
    const elsewhere = ['issuer', 'shortcuts']
    expect(shown.sort()).toEqual([...SETTING_NAMES, ...sections].filter((name) => !elsewhere.includes(name)).sort())
  })

  it('says that the store can be used, and makes none where none is', async () => {
    const terminal = await aTerminal()
    const file = join(terminal.folder, 'data', 'grantor.db')

    expect((await terminal.run('config check')).out).toMatch(/^store +\S+grantor\.db is made at the first start$/m)
    expect(existsSync(file)).toBe(false)
    await terminal.run('keys list')
    expect((await terminal.run('config check')).out).toMatch(/^store +ready/m)
  })

  it('ends with 1 and the remedy when the store cannot be used; --no-store does not look', async () => {
    const terminal = await aTerminal({ REDIS_URL: 'redis://127.0.0.1:1' })

    expect(await terminal.run('config check')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^store +not ready$/m),
      err: expect.stringMatching(/Redis/),
    })
    expect(await terminal.run('config check --no-store')).toMatchObject({ code: 0, err: '' })
  })

  it.each(['config check --no-store', 'config check --no-store --json'])('hides every secret: %s', async (line) => {
    const secret = 'Yk9pBw7Gd2bXkgb3duIGhzMjU2IHNlY3JldM8gzT3fQ'
    const shared = 'c9e2f7a05b14d83f6a7c21be90d4583f'.repeat(2).replace(/^c9/, '1d')
    const terminal = await aTerminal({
      ...PRODUCTION,
      REDIS_URL: `redis://user:${secret}@localhost:1/0?password=${secret}`,
    })
    await writeFile(
      join(terminal.folder, 'grantor.yaml'),
      `revocation_receivers: [{ endpoint: https://b.example, audience: b, bearer_token: ${secret} }]
apis: [{ audience: https://a.example, token: { algorithm: HS256, secret: '${shared}' } }]\n${oneClient().replace(/client_secret_sha256: .*/, `client_secret: ${secret}`)}`,
    )
    const { code, out, err } = await terminal.run(line)

    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('(hidden)')
    for (const hidden of [secret, shared, hashHandle(secret), PRODUCTION.GRANTOR_ROOT_KEY])
      expect(out).not.toContain(hidden)
  })

  it('hides the password of the demo user', async () => {
    expect((await (await aTerminal()).run('config check --json')).out).not.toContain('wonderland')
  })
})

/** `section.name` for a section; its own name for anything else. */
function settingsIn(name: string, schema: z.ZodType): string[] {
  const inner = unwrapped(schema)
  return inner instanceof z.ZodObject ? Object.keys(inner.shape).map((one) => `${name}.${one}`) : [name]
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.unwrap() as z.ZodType)
  }
  return schema
}

describe('grantor accounts', () => {
  it('makes an account with a password that is piped in, and lists it', async () => {
    const terminal = await aTerminal()
    const created = await terminal.run('accounts create ana@example.com --name Ana --email ana@example.com --json', {
      piped: `${PASSWORD}\n`,
    })
    const listed = await terminal.run('accounts list --json')

    expect(created).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(listed.out)).toEqual([
      expect.objectContaining({
        login: 'ana@example.com',
        disabled: false,
        claims: { name: 'Ana', email: 'ana@example.com', email_verified: false },
      }),
    ])
    expect(`${created.out}${listed.out}`).not.toMatch(/argon2|unlikely/)
  })

  it('asks twice at a keyboard, and changes nothing when the answers differ', async () => {
    const terminal = await aTerminal()
    const refused = await terminal.run('accounts create ana@example.com', { typed: [PASSWORD, 'another password'] })

    expect(refused).toMatchObject({ code: 1, out: '', err: 'The two passwords differ; nothing was changed.' })
    expect((await terminal.run('accounts list --json')).out).toBe('[]')
    expect((await terminal.run('accounts create ana@example.com', { typed: [PASSWORD, PASSWORD] })).code).toBe(0)
  })

  it('disables and enables by login or id', async () => {
    const terminal = await aTerminal()
    const [{ id }] = JSON.parse((await terminal.run('accounts create ana@example.com --json', { piped: PASSWORD })).out)
    const state = async (line: string) => JSON.parse((await terminal.run(`${line} --json`)).out)[0].disabled

    expect(await state('accounts disable ANA@example.com')).toBe(true)
    expect(await state('accounts list')).toBe(true)
    expect(await state(`accounts enable ${id}`)).toBe(false)
  })

  it('[A9] unlocks an account, by login or id', async () => {
    const terminal = await aTerminal()
    const [{ id }] = JSON.parse((await terminal.run('accounts create ana@example.com --json', { piped: PASSWORD })).out)

    expect(await terminal.run('accounts unlock ANA@example.com')).toMatchObject({ code: 0, err: '' })
    expect(await terminal.run(`accounts unlock ${id}`)).toMatchObject({ code: 0, err: '' })
    expect(await terminal.run('accounts unlock nobody')).toMatchObject({ code: 1, err: 'There is no such account.' })
    expect((await terminal.run('audit --event account.unlocked')).out).toContain(`subject=${id}`)
  })

  it('sets another password', async () => {
    const terminal = await aTerminal()
    await terminal.run('accounts create ana@example.com', { piped: PASSWORD })

    expect(
      await terminal.run('accounts set-password ana@example.com', { piped: 'five other unlikely words here' }),
    ).toMatchObject({ code: 0, err: '' })
    expect((await terminal.run('audit')).out).toMatch(/account\.password_changed +subject=usr_/)
  })

  it.each([
    ['accounts create ana@example.com', PASSWORD, 'There is an account with this login already.'],
    ['accounts create bob@example.com', 'short', 'A password has at least 8 characters.'],
    ['accounts disable nobody@example.com', '', 'There is no such account.'],
    ['accounts set-password nobody@example.com', PASSWORD, 'There is no such account.'],
  ])('refuses in one sentence: %s', async (line, piped, sentence) => {
    const terminal = await aTerminal()
    await terminal.run('accounts create ana@example.com', { piped: PASSWORD })

    expect(await terminal.run(line, { piped })).toEqual({ code: 1, out: '', err: sentence })
  })

  it('lets no account name write to the terminal', async () => {
    const terminal = await aTerminal()
    await terminal.run(`accounts create ana@example.com --name \u001b[31mAna\u202e`, { piped: PASSWORD })

    expect((await terminal.run('accounts list')).out).toMatch(/\ufffd\[31mAna\ufffd/)
  })
})

describe('grantor clients and grantor apis', () => {
  it('list what the store has, without hashes of secrets', async () => {
    const terminal = await aTerminal()
    await terminal.run('apply --yes')
    const clients = (await terminal.run('clients list --json')).out

    expect(JSON.parse(clients).map((client: { client_id: string }) => client.client_id)).toEqual([
      'demo-machine',
      'demo-spa',
      'demo-web',
      'grantor-tour',
    ])
    expect(clients).not.toMatch(/secret/)
    expect((await terminal.run('apis list')).out).toMatch(
      /^https:\/\/orders\.example +Orders +jwt ES256 +10m +orders:read orders:write +file +1$/m,
    )
  })

  it('draw a secret that production accepts, with its line for the file', async () => {
    const terminal = await aTerminal(PRODUCTION)
    const first = JSON.parse((await terminal.run('clients secret --json')).out)
    const second = JSON.parse((await terminal.run('clients secret --json')).out)

    expect(first.client_secret_sha256).toBe(hashHandle(first.client_secret))
    expect(second.client_secret).not.toBe(first.client_secret)
    for (const line of Object.entries<string>(first).map(([name, value]) => `${name}: ${value}`)) {
      await writeFile(join(terminal.folder, 'grantor.yaml'), oneClient().replace(/client_secret_sha256: .*/, line))
      expect((await terminal.run('config check')).err).toBe('')
    }
  })
})

describe('grantor audit', () => {
  it('prints the latest events, oldest first, and only those asked for', async () => {
    const terminal = await aTerminal()
    await terminal.run('accounts create ana@example.com', { piped: PASSWORD })
    await terminal.run('accounts disable ana@example.com')
    const events = async (line: string) =>
      JSON.parse((await terminal.run(`audit --json ${line}`)).out).map(({ event }: { event: string }) => event)

    expect(await events('')).toEqual(['keyring.created', 'account.created', 'account.disabled', 'account.access_ended'])
    expect(await events('--limit 1')).toEqual(['account.access_ended'])
    expect(await events('--event account.created')).toEqual(['account.created'])
  })
})
