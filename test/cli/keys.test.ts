/** `grantor keys`: what it shows, what it changes, and that nothing private is ever among it. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'

import { openRing } from '../../src/keyring/ring/sealed-ring.ts'
import { keys } from '../../src/store/keys.ts'
import { openStore } from '../../src/store/open-store.ts'
import { movableClock } from '../support/movable-clock.ts'
import { startSigningProcess } from '../support/signing-process.ts'
import { aTerminal, type TestTerminal } from './a-terminal.ts'

interface Listed {
  readonly kid: string
  readonly alg: string
  readonly state: string
  readonly held?: string
}

describe('grantor keys list', () => {
  it('prints every key and what becomes of it next', async () => {
    const terminal = await aTerminal()

    const { out, code } = await terminal.run('keys list')

    expect(code).toBe(0)
    const [head, ...rows] = out.split('\n\n')[0]?.split('\n') ?? []
    expect(head).toMatch(/^KID +ALG +STATE +CREATED +NEXT$/)
    expect(
      rows.map((row) => row.replace(/^\S+ +/, '').replace(/2030-0\d-\d\d \d\d:\d\d:\d\d UTC \(in \d\d days\)/, 'M')),
    ).toEqual([
      'RS256  signing  2030-01-01 00:00:00 UTC  its successor signs from M',
      'ES256  signing  2030-01-01 00:00:00 UTC  its successor signs from M',
      'EdDSA  signing  2030-01-01 00:00:00 UTC  its successor signs from M',
    ])
  })

  it('says what happens first, and when', async () => {
    const terminal = await aTerminal()

    expect((await terminal.run('keys list')).out).toMatch(
      /\n\nThe next to rotate is \w+ \S{6}…: its successor is published in time and signs from 2030-.* UTC \(in \d\d days\)\.$/,
    )
    await terminal.run('keys rotate --alg ES256')
    expect((await terminal.run('keys list')).out).toMatch(
      /\n\nES256 \S{6}… signs from 00:06:00 UTC \(in 6 min\); until then nothing changes\.$/,
    )
  })

  it('gives programs the same as JSON, and the same at every call', async () => {
    const terminal = await aTerminal()
    const { out } = await terminal.run('keys list --json')

    expect(JSON.parse(out)).toEqual(
      ['RS256', 'ES256', 'EdDSA'].map((alg) => ({
        kid: expect.any(String),
        alg,
        state: 'signing',
        created_at: Date.UTC(2030, 0, 1) / 1000,
        next: { change: 'rotates', at: expect.any(Number) },
      })),
    )
    expect((await terminal.run('keys list --json')).out).toBe(out)
  })

  it('tells which keys an outside signer holds', async () => {
    const signing = await startSigningProcess()
    onTestFinished(() => signing.close())
    const terminal = await aTerminal()
    await terminal.run('keys list')
    await writeFile(join(terminal.folder, 'grantor.yaml'), `keys: { signer: { socket: ${signing.socket} } }`)

    await terminal.run('keys rotate --alg ES256')

    const { out } = await terminal.run('keys list')
    expect(out).toMatch(/ES256 +next +.* signs from .* external$/m)
    expect(out.match(/external/g)).toHaveLength(1)
    expect((await list(terminal)).map(({ state, held }) => `${state} ${held ?? 'here'}`)).toEqual([
      'signing here',
      'signing here',
      'signing here',
      'next external',
    ])
  })

  it('says of a step that is due that a server has yet to take it', async () => {
    const clock = movableClock()
    const terminal = await aTerminal({}, clock)
    await terminal.run('keys rotate --alg ES256')

    clock.moveSeconds(360)

    expect((await terminal.run('keys list')).out).toMatch(
      /ES256 +next +.* signs as soon as a server takes the step \(due since 00:06:00 UTC\)$/m,
    )
  })
})

describe('grantor keys rotate', () => {
  it('publishes a successor for every algorithm, and says when they sign', async () => {
    const terminal = await aTerminal()

    const { out, code } = await terminal.run('keys rotate')

    expect(code).toBe(0)
    expect(out).toMatch(
      /\n\nRS256 \S{6}…, ES256 \S{6}… and EdDSA \S{6}… sign from 00:06:00 UTC \(in 6 min\); until then nothing changes\.$/,
    )
    expect(await states(terminal)).toEqual([
      'RS256 signing',
      'ES256 signing',
      'EdDSA signing',
      'RS256 next',
      'ES256 next',
      'EdDSA next',
    ])
  })

  it('publishes one for the algorithm that is named', async () => {
    const terminal = await aTerminal()

    const { out } = await terminal.run('keys rotate --alg ES256')

    expect(out).toMatch(/^\S+ +ES256 +keyring\.key_published$/m)
    expect(await states(terminal)).toEqual(['RS256 signing', 'ES256 signing', 'EdDSA signing', 'ES256 next'])
  })

  it('publishes no second one when it is asked again, and says the same', async () => {
    const terminal = await aTerminal()
    const first = await terminal.run('keys rotate --alg ES256')
    const second = await terminal.run('keys rotate --alg ES256')

    expect(second.out).toBe(first.out.split('\n\n')[1])
    expect(await list(terminal)).toHaveLength(4)
  })

  it('changes nothing in a dry run, and names no key that will never be', async () => {
    const terminal = await aTerminal()
    const before = await list(terminal)

    const { out } = await terminal.run('keys rotate --alg ES256 --dry-run')
    const json = JSON.parse((await terminal.run('keys rotate --alg ES256 --dry-run --json')).out)

    expect(out).toContain('(new)  ES256  keyring.key_published')
    expect(out).toContain(
      'Dry run, nothing was changed. It would be so: ES256 (new) signs from 00:06:00 UTC (in 6 min); until then',
    )
    expect(json).toEqual({
      dry_run: true,
      changes: [{ kid: '(new)', alg: 'ES256', event: 'keyring.key_published' }],
      sentence: expect.stringContaining('ES256 (new) signs from'),
    })
    expect(await list(terminal)).toEqual(before)
  })

  it('says that it waits for verifiers when it does', async () => {
    const terminal = await aTerminal()
    await writeFile(join(terminal.folder, 'grantor.yaml'), 'keys: { wait_for_verifiers: 10m }')

    expect((await terminal.run('keys rotate')).out).toMatch(
      /It waits up to 10 min longer for verifiers that do not hold it\.$/,
    )
  })

  it('refuses an algorithm that nothing signs with, and one that does not exist', async () => {
    const terminal = await aTerminal()

    expect(await terminal.run('keys rotate --alg PS256')).toEqual({
      code: 1,
      out: '',
      err: 'The ring has no PS256 key, only RS256, ES256 and EdDSA: it gets one when an API in grantor.yaml signs with PS256.',
    })
    for (const wrong of ['--alg HS256', '--alg none', '--alg ES256 --compromised x'])
      expect(await terminal.run(`keys rotate ${wrong}`)).toMatchObject({ code: 2, out: '' })
  })
})

describe('grantor keys rotate --compromised', () => {
  it('takes the key out at once and lets another sign', async () => {
    const terminal = await aTerminal()
    const kid = await kidOf(terminal, 'ES256', 'signing')

    const { out, code } = await terminal.run(`keys rotate --compromised ${kid} --yes`)

    expect(code).toBe(0)
    const heir = await kidOf(terminal, 'ES256', 'signing')
    expect(heir).not.toBe(kid)
    expect(out).toContain(`${kid}  ES256  keyring.key_compromised`)
    expect(out).toContain(`${heir}  ES256  keyring.key_signing`)
    expect(out).toContain(`ES256 ${heir.slice(0, 6)}… signs from now on, on every server within a second.`)
    expect(out).toContain('within a second by APIs that follow revocations, after at most 5 min by others')
    expect((await terminal.run('keys list')).out).not.toContain(kid)
    expect((await terminal.run('audit')).out).toContain(`keyring.key_compromised  keyId=${kid}`)
  })

  it('asks at a terminal, and accepts only yes', async () => {
    const terminal = await aTerminal()
    const kid = await kidOf(terminal, 'ES256', 'signing')

    for (const answer of ['', 'y', 'no'])
      expect(await terminal.run(`keys rotate --compromised ${kid}`, { typed: [answer] })).toEqual({
        code: 1,
        out: '',
        err: 'Nothing was changed.',
      })
    expect(await kidOf(terminal, 'ES256', 'signing')).toBe(kid)
    expect((await terminal.run(`keys rotate --compromised ${kid}`, { typed: ['yes'] })).code).toBe(0)
    expect(await kidOf(terminal, 'ES256', 'signing')).not.toBe(kid)
  })

  it('does not ask when told so, nor in a dry run, which changes nothing', async () => {
    const terminal = await aTerminal()
    const kid = await kidOf(terminal, 'ES256', 'signing')

    const rehearsed = await terminal.run(`keys rotate --compromised ${kid} --dry-run`, { typed: ['no'] })
    expect(rehearsed).toMatchObject({ code: 0, err: '' })
    expect(rehearsed.out).toContain('ES256 (new) signs from now on')
    expect(await kidOf(terminal, 'ES256', 'signing')).toBe(kid)

    expect((await terminal.run(`keys rotate --compromised ${kid} --yes`, { typed: ['no'] })).code).toBe(0)
    expect(await kidOf(terminal, 'ES256', 'signing')).not.toBe(kid)
  })

  it('refuses a key that is not in the ring', async () => {
    expect(await (await aTerminal()).run('keys rotate --compromised nobody')).toMatchObject({
      code: 1,
      err: 'The ring has no key with this kid: `grantor keys list` shows those it has.',
    })
  })
})

describe('grantor keys retire', () => {
  it('takes out a key that is not to come, and says what stays', async () => {
    const terminal = await aTerminal()
    await terminal.run('keys rotate --alg ES256')
    const kid = await kidOf(terminal, 'ES256', 'next')

    expect((await terminal.run(`keys retire --dry-run -- ${kid}`)).out).toContain('Dry run, nothing was changed.')
    expect(await list(terminal)).toHaveLength(4)
    const { out, code } = await terminal.run(`keys retire -- ${kid}`)

    expect(code).toBe(0)
    expect(out).toMatch(/^ES256 \S{6}… will not sign\. ES256 \S{6}… continues to sign; its successor signs from /m)
    expect(await list(terminal)).toHaveLength(3)
  })

  it('refuses a key that signs, and one that is not there', async () => {
    const terminal = await aTerminal()
    const kid = await kidOf(terminal, 'ES256', 'signing')

    expect(await terminal.run(`keys retire -- ${kid}`)).toEqual({
      code: 1,
      out: '',
      err: 'This key signs: rotate it (`grantor keys rotate`), or, if it may be in other hands, rotate with `--compromised`.',
    })
    expect(await terminal.run('keys retire nobody')).toEqual({
      code: 1,
      out: '',
      err: 'The ring has no key with this kid: `grantor keys list` shows those it has.',
    })
  })
})

describe('grantor keys rotate-root', () => {
  it('seals the ring under a new root key file, and the old one opens nothing', async () => {
    const terminal = await aTerminal()
    const before = await list(terminal)
    const old = await readFile(rootFile(terminal), 'utf8')

    const rehearsed = await terminal.run('keys rotate-root --dry-run')
    expect(await readFile(rootFile(terminal), 'utf8')).toBe(old)
    const { out, code } = await terminal.run('keys rotate-root')

    expect(rehearsed.out).toMatch(
      /^Dry run, nothing was changed: the ring would be sealed under a new root key, not \S+\.$/,
    )
    expect(code).toBe(0)
    expect(out).toMatch(
      /^Root key \S+ seals the ring; \S+ opens nothing any more, except older backups\. .* Back it up\.$/,
    )
    expect(await list(terminal)).toEqual(before)
    await writeFile(rootFile(terminal), old)
    expect((await terminal.run('keys list')).err).toMatch(/^The canary in the store was sealed under another root key/)
  })

  it('completes what was interrupted before the seal, and after it', async () => {
    const terminal = await aTerminal()
    const before = await list(terminal)
    const coming = Buffer.alloc(32, 7).toString('base64url')
    const [old, next] = [rootFile(terminal), `${rootFile(terminal)}.next`]

    await writeFile(next, `${coming}\n`, { mode: 0o600 })
    const first = await terminal.run('keys rotate-root')
    expect(await readFile(old, 'utf8')).toBe(`${coming}\n`)

    await writeFile(next, `${coming}\n`, { mode: 0o600 })
    await writeFile(old, `${Buffer.alloc(32, 8).toString('base64url')}\n`)
    const second = await terminal.run('keys rotate-root')

    expect(first.out).toMatch(/^Root key (\S+) seals the ring; /)
    expect(second.out).toMatch(/^Root key (\S+) seals the ring already\. /)
    expect(await readFile(old, 'utf8')).toBe(`${coming}\n`)
    expect(await list(terminal)).toEqual(before)
  })

  it('goes from GRANTOR_ROOT_KEY to GRANTOR_ROOT_KEY_NEXT, and says what to set', async () => {
    const [old, next] = [root(1), root(2)]
    const folder = await aTerminal({ GRANTOR_ROOT_KEY: old })
    const at = (env: Record<string, string>) => aTerminal({ DATA_DIR: join(folder.folder, 'data'), ...env })
    const before = await list(folder)
    const both = await at({ GRANTOR_ROOT_KEY: old, GRANTOR_ROOT_KEY_NEXT: next })

    const { out } = await both.run('keys rotate-root')
    const again = await both.run('keys rotate-root --json')

    expect(out).toMatch(
      /^Root key \S+ seals the ring; .* Give GRANTOR_ROOT_KEY the value of GRANTOR_ROOT_KEY_NEXT and remove GRANTOR_ROOT_KEY_NEXT on every node, one after the other\.$/,
    )
    expect(JSON.parse(again.out)).toMatchObject({ dry_run: false, sentence: expect.stringContaining('already') })
    expect(await list(both)).toEqual(before)
    expect(await list(await at({ GRANTOR_ROOT_KEY: next }))).toEqual(before)
    expect((await (await at({ GRANTOR_ROOT_KEY: old })).run('keys list')).code).toBe(1)
  })

  it('refuses a new key when there is a root key file, and changes nothing', async () => {
    const terminal = await aTerminal({ GRANTOR_ROOT_KEY_NEXT: root(2) })
    const before = await list(terminal)

    for (const line of ['keys rotate-root', 'keys rotate-root --dry-run'])
      expect(await terminal.run(line)).toEqual({
        code: 1,
        out: '',
        err: 'GRANTOR_ROOT_KEY_NEXT is set, but the root key in use is a file: unset it, or give the text of that file as GRANTOR_ROOT_KEY.',
      })
    expect(await list(terminal)).toEqual(before)
  })

  it('refuses without the coming key', async () => {
    const terminal = await aTerminal({ GRANTOR_ROOT_KEY: root(1) })

    expect(await terminal.run('keys rotate-root')).toEqual({
      code: 1,
      out: '',
      err: 'GRANTOR_ROOT_KEY_NEXT is not set: give the coming root key to every node and to this command, then run it again.',
    })
  })
})

describe('what the commands print', () => {
  it('[S96] holds nothing private, whatever is asked', async () => {
    const clock = movableClock()
    const [old, next] = [root(1), root(2)]
    const terminal = await aTerminal({ GRANTOR_ROOT_KEY: old, GRANTOR_ROOT_KEY_NEXT: next }, clock)
    const kid = await kidOf(terminal, 'RS256', 'signing')
    const secrets = new Set([old, next])
    const said: string[] = []
    const lines = [
      'keys list',
      'keys rotate --dry-run',
      'keys rotate',
      'keys retire nobody',
      `keys retire -- ${kid}`,
      'keys verify',
      'keys rotate-root --dry-run',
      'keys rotate-root',
      `keys rotate --compromised ${kid} --yes`,
      'keys list',
      'config check',
      'audit',
    ]

    for (const line of lines) {
      for (const secret of await secretsOf(terminal, clock, [old, next])) secrets.add(secret)
      for (const way of [line, line.replace(/^(keys|config|audit)( \S+)?/, '$& --json')]) {
        const { out, err } = await terminal.run(way)
        said.push(out, err)
      }
    }

    for (const secret of await secretsOf(terminal, clock, [old, next])) secrets.add(secret)
    expect(secrets.size).toBeGreaterThan(20)
    const all = said.join('\n')
    expect([...secrets].filter((secret) => all.includes(secret))).toEqual([])
    expect(JSON.parse((await terminal.run('config check --json')).out)).toMatchObject({
      GRANTOR_ROOT_KEY_NEXT: '(hidden)',
    })
  })
})

async function list(terminal: TestTerminal): Promise<Listed[]> {
  return JSON.parse((await terminal.run('keys list --json')).out)
}

async function states(terminal: TestTerminal): Promise<string[]> {
  return (await list(terminal)).map(({ alg, state }) => `${alg} ${state}`)
}

async function kidOf(terminal: TestTerminal, alg: string, state: string): Promise<string> {
  return (await list(terminal)).find((key) => key.alg === alg && key.state === state)?.kid ?? ''
}

function rootFile({ folder }: TestTerminal): string {
  return join(folder, 'keys', 'root.key')
}

/** Random enough for the settings, the same at each run. */
function root(seed: number): string {
  return Buffer.from(Array.from({ length: 32 }, (_, at) => (at * 37 + seed * 101) % 251)).toString('base64url')
}

/** Every private member of every key, and every other secret of the ring. */
async function secretsOf({ folder }: TestTerminal, clock: () => number, roots: readonly string[]): Promise<string[]> {
  const store = await openStore({ dataDir: join(folder, 'data'), redisUrl: undefined }, clock)
  const entry = await store.get(keys.keyring())
  await store.close()
  const { ring } = openRing(
    entry?.value ?? '',
    roots.map((text) => Buffer.from(text, 'base64url')),
  )
  return [
    ...ring.keys.flatMap(({ jwk }) => {
      const { d, p, q, dp, dq, qi } = jwk as JWK
      return [d, p, q, dp, dq, qi].filter((member) => typeof member === 'string')
    }),
    ...ring.cookieKeys.map(({ secret }) => secret),
    ...[ring.pairwiseSalt, ring.csrfKey, ring.storeKey],
  ]
}
