import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { operate } from '../revocation/operator.ts'
import { aHolder, aPerson, entriesOf, opensUserinfo, REDIRECT_URI, refreshes } from '../revocation/sign-ins.ts'
import { type Running, start } from '../support/start.ts'
import { createUserAgent } from '../support/user-agent.ts'
import { aTerminal } from './a-terminal.ts'
import { within } from '../support/figures.ts'

const SOON = within(1000, 20)
const CLIENT = {
  ...{ client_id: 'app', token_endpoint_auth_method: 'none', redirect_uris: [REDIRECT_URI] },
  ...{ grant_types: ['authorization_code', 'refresh_token'], apis: { 'https://orders.example': ['orders:read'] } },
}

describe('grantor revoke', () => {
  let app: Running
  beforeAll(async () => {
    app = await start({ clients: [{ clientId: 'app' }] })
    await writeFile(join(app.dataDir, 'grantor.yaml'), JSON.stringify({ clients: [CLIENT] }))
  })
  afterAll(() => app.close())

  it('token ends a JWT that is piped in, and with --with-grant everything it belongs to', async () => {
    const holder = await aHolder(app)

    const alone = await operate(app, ['revoke', 'token'], `${holder.accessToken}\n`)
    expect(alone).toMatchObject({ code: 0, err: '' })
    expect(alone.out).toContain(holder.claims.jti)
    await vi.waitFor(async () => expect(await opensUserinfo(app.issuer, holder.accessToken)).toBe(false), SOON)

    const whole = await operate(app, ['revoke', 'token', '--with-grant', '--json'], holder.accessToken)
    expect(JSON.parse(whole.out)).toEqual({ dry_run: false, ended: `the grant ${holder.claims.gid}` })
    expect(await refreshes(app.issuer, holder)).toBe(false)
  })

  it('token ends the whole grant when it is a refresh token, and never prints it', async () => {
    const holder = await aHolder(app)

    const said = await operate(app, ['revoke', 'token'], holder.refreshToken)

    expect(said).toMatchObject({ code: 0 })
    expect(said.out + said.err).not.toContain(holder.refreshToken)
    expect(await refreshes(app.issuer, holder)).toBe(false)
  })

  it('token takes nothing for a token of ours that is not', async () => {
    const { accessToken } = await aHolder(app)
    const [header, payload, signature = ''] = accessToken.split('.')
    const forged = `${header}.${payload}.${signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`
    const before = await entriesOf(app)

    for (const token of [forged, 'a.b.c', 'nonsense', '', `r${'A'.repeat(45)}`]) {
      const said = await operate(app, ['revoke', 'token'], token)
      expect(said, token).toMatchObject({ code: 1, out: '' })
      expect(said.err).toContain('no ')
    }
    expect((await operate(app, ['revoke', 'token', accessToken])).code).toBe(2)
    expect(await entriesOf(app)).toEqual(before)
  })

  it('tells with --dry-run what would end, and ends nothing', async () => {
    const holder = await aHolder(app)
    const { uid } = (await sessionsOf(holder.person.login))[0] ?? { uid: '' }
    const before = await entriesOf(app)

    const tries = [
      ['token'],
      ['grant', '--', holder.claims.gid ?? ''],
      ['session', '--', uid],
      ['client', 'app'],
      ['account', holder.person.login],
      ['everything'],
    ].map(([what = '', ...rest]) => operate(app, ['revoke', what, '--dry-run', ...rest], holder.accessToken))

    for (const said of await Promise.all(tries)) {
      expect(said).toMatchObject({ code: 0, err: '' })
      expect(said.out).toContain('Dry run, nothing was changed.')
    }
    expect(await entriesOf(app)).toEqual(before)
    expect(await opensUserinfo(app.issuer, holder.accessToken)).toBe(true)
    expect(await refreshes(app.issuer, holder)).toBe(true)
  })

  it('refuses what is not there', async () => {
    for (const args of [
      ['session', 'no-such-session'],
      ['client', 'no-such-client'],
      ['account', 'nobody@example.com'],
      ['everything', '--before', 'yesterday'],
      ['everything', '--before', '2100-01-01T00:00:00Z'],
    ]) {
      expect(await operate(app, ['revoke', ...args]), args.join(' ')).toMatchObject({ code: 1, out: '' })
    }
  })

  it('asks before all of a client or everything ends, and takes nothing but yes for an answer', async () => {
    const terminal = await aTerminal()

    for (const line of ['revoke client demo-spa', 'revoke everything']) {
      const said = await terminal.run(line, { typed: ['y'] })
      expect(said).toMatchObject({ code: 1, out: '', err: 'Nothing was changed.' })
      expect(await terminal.run(line, { typed: ['yes'] })).toMatchObject({ code: 0 })
    }
  })

  it('everything --before a moment spares what was issued since', async () => {
    const holder = await aHolder(app)
    const before = new Date(Date.now() - 3600_000).toISOString()

    expect(await operate(app, ['revoke', 'everything', '--yes', '--before', before])).toMatchObject({ code: 0 })

    const latest = async () => expect((await entriesOf(app)).at(-1)).toHaveProperty('before')
    await vi.waitFor(latest, SOON)
    expect(await opensUserinfo(app.issuer, holder.accessToken)).toBe(true)
    expect(await refreshes(app.issuer, holder)).toBe(true)
  })

  async function sessionsOf(login: string) {
    const said = await operate(app, ['sessions', 'list', '--json', login])
    return JSON.parse(said.out) as { uid: string; signedInAt: number; clientIds: string[] }[]
  }

  describe('and grantor sessions', () => {
    it('list every browser in which a person is signed in, and end them all, save what was given for offline access', async () => {
      const person = await aPerson(app)
      const bound = await aHolder(app, { person })
      const offline = await aHolder(app, { person, offline: true })
      expect((await sessionsOf(person.login)).map(({ clientIds }) => clientIds)).toEqual([['app'], ['app']])

      expect((await operate(app, ['sessions', 'end', person.login])).out).toContain(`2 sessions of ${person.login}`)

      expect(await sessionsOf(person.login)).toEqual([])
      expect([await refreshes(app.issuer, bound), await refreshes(app.issuer, offline)]).toEqual([false, true])
      const again = createUserAgent(app)
      for (const [name, value] of bound.agent.cookies) again.cookies.set(name, value)
      const { page } = await again.follow(await again.get('/account'))
      expect(page?.html).toContain('name="password"')
    })
  })
})
