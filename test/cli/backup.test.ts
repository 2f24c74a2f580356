/** `grantor backup` and `grantor restore`, each from either kind of store into either. */

import { randomBytes } from 'node:crypto'
import { cp, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { systemClock } from '../../src/base/clock.ts'
import { findIdentity } from '../../src/store/identity/identity.ts'
import { openStore } from '../../src/store/open-store.ts'
import { skipsWithoutRedis, startRedis } from '../support/redis.ts'
import { aTerminal, type TestTerminal } from './a-terminal.ts'

vi.setConfig({ testTimeout: 120_000 })

const ROOT_KEY = randomBytes(32).toString('base64')
const PASSWORD = 'a long enough passphrase'

type Kind = 'SQLite' | 'Redis'

const WAYS = (['SQLite', 'Redis'] as const).flatMap((from) =>
  (['SQLite', 'Redis'] as const).map((to): [Kind, Kind] => [from, to]),
)

describe('grantor backup and restore', () => {
  it.skipIf(skipsWithoutRedis('a backup')).each(WAYS)(
    '[B11] carries every account and key from %s to %s',
    async (from, to) => {
      const source = await aStore(from)
      const target = await aStore(to)
      await source.run('accounts create ana@example.com --name Ana', { piped: PASSWORD })
      await source.run('accounts create bo@example.com', { piped: PASSWORD })
      await source.run('accounts disable bo@example.com')
      const keysBefore = await source.run('keys list --json')

      expect(await source.run(`backup --to ${target.folder}/b.gz`)).toMatchObject({ code: 0 })
      expect(await target.run('restore --from b.gz --yes')).toMatchObject({ code: 0 })

      expect(kidsIn((await target.run('keys list --json')).out)).toEqual(kidsIn(keysBefore.out))
      const accounts = accountsIn((await target.run('accounts list --json')).out)
      expect(accounts).toEqual(accountsIn((await source.run('accounts list --json')).out))
      expect(accounts.map(({ login, disabled }) => [login, disabled])).toEqual([
        ['ana@example.com', false],
        ['bo@example.com', true],
      ])
      const audited = JSON.parse((await target.run('audit --json')).out) as { event: string; reason?: string }[]
      expect(audited.map(({ event }) => event)).toContain('account.disabled')
      expect(audited.findLast(({ event }) => event === 'everything.ended')?.reason).toBe('store_restored')
      expect(audited.at(-1)).toMatchObject({ event: 'store.restored' })
    },
  )

  it('writes a file for its owner alone, and never over another', async () => {
    const source = await aStore('SQLite')
    await source.run('accounts create ana@example.com', { piped: PASSWORD })

    const { out } = await source.run('backup --to b.json --json')
    expect(JSON.parse(out)).toMatchObject({ file: join(source.folder, 'b.json'), final: false })
    expect((await stat(join(source.folder, 'b.json'))).mode & 0o777).toBe(0o600)
    expect(await readFile(join(source.folder, 'b.json'), 'utf8')).not.toContain('ana@example.com')
    expect(await source.run('backup --to b.json')).toMatchObject({ code: 1, err: expect.stringContaining('already') })
  })

  it('restores over nothing unless told to, and asks before', async () => {
    const source = await aStore('SQLite')
    await source.run('accounts create ana@example.com', { piped: PASSWORD })
    await source.run('backup --to b.json')

    expect(await source.run('restore --from b.json --yes')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('--replace') },
    })
    expect(await source.run('restore --from b.json --replace')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('--yes') },
    })
    expect(await source.run('restore --from b.json --replace', { typed: ['no'] })).toMatchObject({ code: 1 })
    await source.run('accounts create bo@example.com', { piped: PASSWORD })
    expect(await source.run('restore --from b.json --replace', { typed: ['yes'] })).toMatchObject({ code: 0 })
    const { out } = await source.run('accounts list --json')
    expect(out).toContain('ana@example.com')
    expect(out).not.toContain('bo@example.com')
  })

  it('refuses a file that was cut off, and another root key, and changes nothing', async () => {
    const source = await aStore('SQLite')
    await source.run('accounts create ana@example.com', { piped: PASSWORD })
    await source.run('backup --to b.json')
    const text = await readFile(join(source.folder, 'b.json'), 'utf8')
    await writeFile(join(source.folder, 'cut.json'), text.slice(0, -200))
    expect(await source.run('restore --from cut.json --replace --yes')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('cut off') },
    })
    expect(await source.run('restore --from none.json --yes')).toMatchObject({ code: 1 })

    const other = await aStore('SQLite', { GRANTOR_ROOT_KEY: randomBytes(32).toString('base64') })
    await cp(join(source.folder, 'b.json'), join(other.folder, 'b.json'))
    expect(await other.run('restore --from b.json --yes')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('root key') },
    })
    expect((await source.run('accounts list')).out).toContain('ana@example.com')
  })

  it('keeps grants only of a store that was closed first, and only once', async () => {
    const [source, target] = [await aStore('SQLite'), await aStore('SQLite')]
    await source.run('accounts create ana@example.com', { piped: PASSWORD })
    await source.run(`backup --to ${target.folder}/open.json`)
    expect(await target.run('restore --from open.json --keep-grants --yes')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('--final') },
    })

    expect(await source.run(`backup --final --to ${target.folder}/final.json`)).toMatchObject({ code: 0 })
    expect(await source.run('accounts list')).toMatchObject({ code: 1, err: expect.stringContaining('was closed by') })
    expect(await target.run('restore --from final.json --keep-grants --yes')).toMatchObject({ code: 0 })
    expect((await target.run('audit --json')).out).not.toContain('everything.ended')
    expect(await target.run('restore --from final.json --keep-grants --replace --yes')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('used since') },
    })
  })

  it('gives the restored store an identity of its own, and a higher epoch', async () => {
    const [source, target] = [await aStore('SQLite'), await aStore('SQLite')]
    await source.run('accounts create ana@example.com', { piped: PASSWORD })
    await source.run(`backup --to ${target.folder}/b.json`)
    await target.run('restore --from b.json --yes')

    const [before, after] = [await identityIn(source), await identityIn(target)]
    expect(after).toMatchObject({ origin: 'restored', state: 'open', epoch: (before?.epoch ?? 0) + 1 })
    expect(after?.id).not.toBe(before?.id)
  })
})

interface StoreTerminal extends TestTerminal {
  readonly env: Record<string, string>
}

async function aStore(kind: Kind, env: Record<string, string> = {}): Promise<StoreTerminal> {
  const settings = { NODE_ENV: 'development', GRANTOR_ROOT_KEY: ROOT_KEY, ...env }
  if (kind === 'SQLite') return Object.assign(await aTerminal(settings, systemClock), { env: settings })
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  const withRedis = { ...settings, REDIS_URL: redis.url }
  return Object.assign(await aTerminal(withRedis, systemClock), { env: withRedis })
}

/** Those made in one second are listed in no order. */
function accountsIn(listed: string): { login: string; disabled: boolean }[] {
  const accounts = JSON.parse(listed) as { login: string; disabled: boolean }[]
  return accounts.sort((a, b) => a.login.localeCompare(b.login))
}

function kidsIn(listed: string): string[] {
  return [...listed.matchAll(/"kid": "([^"]+)"/g)].map(([, kid = '']) => kid)
}

async function identityIn({ folder }: StoreTerminal) {
  const store = await openStore({ redisUrl: undefined, dataDir: join(folder, 'data') }, systemClock)
  try {
    return (await findIdentity(store))?.identity
  } finally {
    await store.close()
  }
}
