import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dump } from 'js-yaml'

import { aTerminal, type TestTerminal } from './a-terminal.ts'

const ORDERS = 'https://orders.example'

interface File {
  readonly apis?: readonly object[]
  readonly clients?: readonly object[]
}

const web = { client_id: 'web', token_endpoint_auth_method: 'none', redirect_uris: ['https://app.example/callback'] }
const machine = {
  client_id: 'machine',
  client_secret_file: 'machine.secret',
  grant_types: ['client_credentials'],
  apis: { [ORDERS]: ['orders:write', 'orders:read'] },
}
const orders = { audience: ORDERS, scopes: { 'orders:read': 'See', 'orders:write': 'Change' } }
const shared = { audience: 'https://shared.example', token: { algorithm: 'HS256', secret_file: 'shared.secret' } }

const FILE: File = { apis: [orders, shared], clients: [web, machine] }

async function opened(file: File = FILE): Promise<TestTerminal> {
  const terminal = await aTerminal({ PORT: '3999' })
  await writeFile(join(terminal.folder, 'machine.secret'), 'Zm9ydHktdGhyZWUtY2hhcmFjdGVycy1vZi1yYW5kb21uZXNz\n')
  await writeFile(join(terminal.folder, 'shared.secret'), 'qLr0vZ1xX8wq5dXo3rQ0s2b7o0e8C1d9e5F6a7B8c9A=\n')
  await declare(terminal, file)
  return terminal
}

async function declare({ folder }: TestTerminal, file: File): Promise<void> {
  await writeFile(join(folder, 'grantor.yaml'), dump({ demo: false, ...file }))
}

describe('grantor plan and grantor apply', () => {
  it('show what is added, apply it, and find no difference after that', async () => {
    const terminal = await opened()

    const plan = await terminal.run('plan')
    expect(plan).toMatchObject({ code: 2, err: '' })
    expect(plan.out).toContain('+ client machine\n+ client web\n~ default_api\n')
    expect(plan.out).toContain('5 to add, 0 to change, 0 to remove')
    expect((await terminal.run('clients list')).out).toBe('(none)')

    expect(await terminal.run('apply --yes')).toMatchObject({ code: 0, err: '' })
    expect(await terminal.run('plan')).toEqual({ code: 0, out: '0 to add, 0 to change, 0 to remove', err: '' })
    const again = await terminal.run('apply --yes')
    expect(again).toMatchObject({ code: 0, out: '0 to add, 0 to change, 0 to remove\nversion 2 is in force' })
  })

  it('show exactly the settings that were edited, and no secret', async () => {
    const terminal = await opened()
    await terminal.run('apply --yes')
    await writeFile(join(terminal.folder, 'machine.secret'), 'YW5vdGhlci1zZWNyZXQtb2YtZm9ydHktdGhyZWUtY2hhcnMtbG9uZw\n')
    await declare(terminal, {
      apis: [{ ...orders, token: { lifetime: '5m' } }, shared],
      clients: [{ ...web, first_party: true }, machine],
    })

    const { code, out } = await terminal.run('plan')

    expect(code).toBe(2)
    expect(out).toBe(
      [
        `~ api ${ORDERS}`,
        '    token.lifetime: (default) -> "5m"',
        '~ client machine',
        '    client_secret_sha256: one secret -> another',
        '~ client web',
        '    first_party: (default) -> true',
        '0 to add, 3 to change, 0 to remove',
      ].join('\n'),
    )
  })

  it('refuse to remove anything unless that is allowed', async () => {
    const terminal = await opened()
    await terminal.run('apply --yes')
    await declare(terminal, { apis: [orders, shared], clients: [machine] })

    const refused = await terminal.run('apply --yes')
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('--allow-delete')
    expect((await terminal.run('clients list')).out).toContain('web')

    expect((await terminal.run('apply --yes --allow-delete')).code).toBe(0)
    expect((await terminal.run('clients list')).out).not.toContain('web')
  })

  it('never touch what an operator added, and refuse a file that declares the same name', async () => {
    const terminal = await opened()
    await terminal.run('apply --yes')
    await terminal.run('clients add theirs token_endpoint_auth_method=none redirect_uris=[https://their.example/]')
    expect((await terminal.run('plan')).code).toBe(0)

    await declare(terminal, { ...FILE, clients: [web, machine, { ...web, client_id: 'theirs' }] })
    const plan = await terminal.run('plan')
    const apply = await terminal.run('apply --yes --allow-delete')

    expect(plan).toMatchObject({ code: 2, out: expect.stringContaining('! the client theirs has the origin admin') })
    expect(apply.code).toBe(1)
    expect((await terminal.run('clients show theirs')).out).toContain('https://their.example/')
  })

  it('change nothing for a file that breaks a rule', async () => {
    const terminal = await opened()
    await terminal.run('apply --yes')
    await writeFile(
      join(terminal.folder, 'other.yaml'),
      dump({ demo: false, apis: [orders], clients: [{ ...web, scopes: ['admin'] }] }),
    )

    const { code, err } = await terminal.run('apply --yes --allow-delete other.yaml')

    expect(code).toBe(1)
    expect(err).toContain('other.yaml: clients[0].scopes[0]')
    expect((await terminal.run('plan')).code).toBe(0)
  })
})

describe('grantor export', () => {
  it('prints a file that changes nothing, the same bytes each time, sorted and without a secret', async () => {
    const terminal = await opened()
    await terminal.run('apply --yes')

    const { out } = await terminal.run('export')

    expect(await terminal.run('plan -', { piped: out })).toMatchObject({ code: 0, err: '' })
    expect((await terminal.run('export')).out).toBe(out)
    expect(out.indexOf('client_id: machine')).toBeLessThan(out.indexOf('client_id: web'))
    expect(out).toContain('secret_sha256: ')
    expect(out).not.toMatch(/client_secret:|secret: |secret_file|Zm9y|qLr0/)
  })

  it('prints the same bytes after what it printed was applied', async () => {
    const terminal = await opened()
    await terminal.run('apply --yes')
    const { out } = await terminal.run('export')
    await writeFile(join(terminal.folder, 'grantor.yaml'), out)

    expect((await terminal.run('apply --yes')).out).toContain('0 to add, 0 to change, 0 to remove')
    expect((await terminal.run('export')).out).toBe(out)
  })

  it('leaves out the demo seed, which every server in development has', async () => {
    const terminal = await aTerminal()
    await terminal.run('apply --yes')

    const { out } = await terminal.run('export')

    expect(out).not.toContain('demo-web')
    expect(await terminal.run('plan -', { piped: out })).toMatchObject({ code: 0, err: '' })
  })
})

describe('grantor clients and grantor apis', () => {
  it('add, change and remove, with versions', async () => {
    const terminal = await opened()
    await terminal.run('apply --yes')

    const added = await terminal.run(
      `clients add billing grant_types=[client_credentials] apis={${ORDERS}:[orders:read]} --json`,
    )
    expect(added).toMatchObject({ code: 0, err: '' })
    const { client_secret: secret, version, origin } = JSON.parse(added.out)
    expect({ version, origin }).toEqual({ version: 1, origin: 'admin' })
    expect(secret).toHaveLength(43)

    expect((await terminal.run('clients set billing client_name=Billing --if-version 1')).code).toBe(0)
    expect(await terminal.run('clients set billing client_name=Late --if-version 1')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Another editor has changed the client billing'),
    })
    const shown = (await terminal.run('clients show billing')).out
    expect(shown).toContain('client_name: Billing')
    expect(shown).toContain('# origin admin, version 2')
    expect(shown).not.toContain('sha256')

    const rotated = await terminal.run('clients rotate-secret billing')
    expect(rotated.out).toMatch(/old secret until .*\nclient_secret: \S{43}$/)
    expect((await terminal.run('clients rotate-secret billing')).err).toContain('--again')
    expect((await terminal.run('clients remove --yes billing')).code).toBe(0)
    expect((await terminal.run('clients show billing')).err).toContain('There is no such client')
  })

  it('send the operator to the file for what it declares', async () => {
    const terminal = await opened()
    await terminal.run('apply --yes')

    expect(await terminal.run('clients set web first_party=true')).toMatchObject({
      code: 1,
      err: expect.stringContaining('declared in grantor.yaml'),
    })
    expect((await terminal.run(`apis remove --yes ${ORDERS}`)).code).toBe(1)
  })

  it('take no secret as an argument, where others could read it', async () => {
    const terminal = await opened()

    expect((await terminal.run('clients add x client_secret=hunter2')).err).toContain('client_secret_file')
    expect((await terminal.run('apis add https://x.example token.secret=hunter2')).err).toContain('token.secret_file')
  })

  it('change one setting inside of another and take one back', async () => {
    const terminal = await opened()
    await terminal.run('apis add https://new.example scopes={"read":"Read"} token.lifetime=5m token.algorithm=ES256')
    await terminal.run('apis set https://new.example token.lifetime=7m')
    await terminal.run('apis set https://new.example scopes=')

    const { out } = await terminal.run('apis show https://new.example')

    expect(out).toContain('lifetime: 7m')
    expect(out).toContain('algorithm: ES256')
    expect(out).not.toContain('scopes')
  })
})
