import { hashSync } from '@node-rs/argon2'
import { describe, expect, it } from 'vitest'

import { LoginFailed, TooManyAttempts } from '../../src/faults/sign-in.ts'
import { createKeyedHash } from '../../src/base/keyed-hash.ts'
import { keys } from '../../src/store/keys.ts'
import {
  ALICE,
  openAccounts,
  type AccountsFixture,
  hashOf,
  accountsOver,
  openNodes,
  STORE_KEY,
  setHash,
} from './open-accounts.ts'
import { expectFigure } from '../support/figures.ts'

const ADDRESS = '192.0.2.1'
const RIGHT = { login: ALICE.login, password: ALICE.password, address: ADDRESS }
const WRONG = { ...RIGHT, password: 'queen of hearts' }
const UNKNOWN = { ...RIGHT, login: 'nobody@example.com' }

describe('signing in', () => {
  it('gives the account for a correct login and password', async () => {
    const { accounts, logins, trail } = await openAccounts()
    const alice = await accounts.createAccount(ALICE)

    expect(await logins.checkLogin({ ...RIGHT, login: ' ALICE@example.com' })).toEqual(alice)

    expect((await trail()).at(-1)).toMatchObject({
      event: 'login.succeeded',
      subject: alice.id,
      address: ADDRESS,
      outcome: 'success',
    })
  })

  it('[S118] gives one answer for wrong, unknown, disabled and too long, and tells the trail which it was', async () => {
    const { accounts, logins, trail } = await openAccounts()
    const alice = await accounts.createAccount(ALICE)
    const dora = await accounts.createAccount({ ...ALICE, login: 'dora' })
    await accounts.disable(dora.id)
    const tooLong = { ...RIGHT, password: 'x'.repeat(1025) }

    const faults = []
    for (const attempt of [WRONG, UNKNOWN, { ...RIGHT, login: 'dora' }, tooLong]) {
      faults.push(await logins.checkLogin(attempt).catch((error: unknown) => error))
    }

    for (const fault of faults) {
      expect(fault).toBeInstanceOf(LoginFailed)
      expect(fault).toMatchObject({ message: (faults[0] as LoginFailed).message, detail: undefined, status: 401 })
    }
    const failed = (await trail()).filter((record) => record.event === 'login.failed')
    expect(failed.map(({ subject, reason }) => [subject, reason])).toEqual([
      [alice.id, 'wrong'],
      [undefined, 'unknown'],
      [dora.id, 'disabled'],
      [undefined, 'wrong'],
    ])
  })

  it('[S118] takes as long for an unknown or disabled account as for a wrong password', {
    timeout: 60_000,
  }, async () => {
    const { accounts, logins } = await openAccounts({ attemptsPerAccount: 1000 })
    await accounts.createAccount(ALICE)
    const { id } = await accounts.createAccount({ ...ALICE, login: 'dora' })
    await accounts.disable(id)
    const attempts = { wrong: WRONG, unknown: UNKNOWN, disabled: { ...RIGHT, login: 'dora' } }
    const times = { wrong: [] as number[], unknown: [] as number[], disabled: [] as number[] }
    const kinds = ['wrong', 'unknown', 'disabled'] as const

    // Processor time and in turns, so that whatever else the machine does weighs little, and on all three alike.
    for (let round = 0; round < 30; round += 1) {
      for (const kind of [...kinds.slice(round % 3), ...kinds.slice(0, round % 3)]) {
        const begin = process.cpuUsage()
        await logins.checkLogin(attempts[kind]).catch(() => undefined)
        const { user, system } = process.cpuUsage(begin)
        times[kind].push((user + system) / 1000)
      }
    }

    for (const kind of ['unknown', 'disabled'] as const) {
      // Without a hash it would be a hundredth.
      expect(median(times[kind])).toBeGreaterThan(median(times.wrong) / 2)
      expectFigure(`ms by which ${kind} differs from wrong`, Math.abs(median(times[kind]) - median(times.wrong)), 5)
    }
  })

  it('never tells the trail what was typed', async () => {
    const { accounts, logins, store, audit } = await openAccounts()
    await accounts.createAccount(ALICE)
    await logins.checkLogin(RIGHT)
    await logins.checkLogin(WRONG).catch(() => undefined)
    await logins.checkLogin({ ...UNKNOWN, login: 'canary typed into the wrong field' }).catch(() => undefined)
    await audit.settled()

    const lines = (await store.read('audit', undefined, 100)).map((entry) => entry.value)

    expect(lines).toHaveLength(4)
    expect(lines.join('\n')).not.toMatch(/wonderland|queen|canary|alice/)
  })
})

describe('limits on signing in', () => {
  it('[S121] check no more than the limit of 200 wrong passwords that arrive together on two nodes', async () => {
    const nodes = await openNodes(2, { attemptsPerAccount: 5 })
    const alice = await nodes[0]?.accounts.createAccount(ALICE)

    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, () => nodes.map((node) => node.logins.checkLogin(WRONG))).flat(),
    )

    const reasons = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined))
    expect(reasons.filter((reason) => reason instanceof LoginFailed)).toHaveLength(5)
    expect(reasons.filter((reason) => reason instanceof TooManyAttempts)).toHaveLength(195)
    await nodes[1]?.audit.settled()
    const events = ((await nodes[0]?.trail()) ?? []).filter((record) => record.event !== 'account.created')
    expect(events.filter((record) => record.event === 'login.failed' && record.subject === alice?.id)).toHaveLength(5)
    // The first and then powers of ten: what strangers can repeat at will must not fill the trail.
    const throttled = events.filter((record) => record.event === 'login.throttled')
    expect(throttled.map(({ reason, count }) => [reason, count])).toEqual([
      ['login-account', undefined],
      ['login-account', 10],
      ['login-account', 100],
    ])
    expect(events).toHaveLength(8)
  })

  it('[S121] refuse the right password too, until the window ends', async () => {
    const { accounts, logins, clock } = await openAccounts()
    await accounts.createAccount(ALICE)
    await fail(logins, WRONG, 5)

    await expect(logins.checkLogin(RIGHT)).rejects.toMatchObject({ status: 429, retryAfterSeconds: 900 })
    clock.moveSeconds(901)

    await expect(logins.checkLogin(RIGHT)).resolves.toMatchObject({ login: ALICE.login })
  })

  it('[S120] hold for an account that does not exist, and for every way to write a login', async () => {
    const { logins } = await openAccounts()
    const ways = ['nobody', 'NOBODY', ' nobody ', 'ｎｏｂｏｄｙ', 'no\u200bbody']

    for (const login of ways) await expect(logins.checkLogin({ ...UNKNOWN, login })).rejects.toThrow(LoginFailed)

    await expect(logins.checkLogin({ ...UNKNOWN, login: 'nobody' })).rejects.toThrow(TooManyAttempts)
  })

  it('[S120] hold for an address over all accounts, and for a whole IPv6 /64', async () => {
    const { logins } = await openAccounts({ attemptsPerAddress: 3 })
    const from = (host: number) => ({ ...UNKNOWN, login: `user-${host}`, address: `2001:db8::${host}` })
    for (const host of [1, 2, 3]) await expect(logins.checkLogin(from(host))).rejects.toThrow(LoginFailed)

    await expect(logins.checkLogin(from(4))).rejects.toThrow(TooManyAttempts)

    await expect(logins.checkLogin({ ...from(5), address: '2001:db8:0:1::5' })).rejects.toThrow(LoginFailed)
  })

  it('[A10] hold for a whole IPv6 /48, however many /64 of it guess', async () => {
    const { logins } = await openAccounts({ attemptsPerAddress: 2, attemptsPerNetwork: 6 })
    const from = (subnet: number) => ({ ...UNKNOWN, login: `user-${subnet}`, address: `2001:db8:1:${subnet}::1` })
    for (const subnet of [1, 2, 3, 4, 5, 6]) await expect(logins.checkLogin(from(subnet))).rejects.toThrow(LoginFailed)

    await expect(logins.checkLogin(from(7))).rejects.toMatchObject({ status: 429, rule: 'login-network' })

    await expect(logins.checkLogin({ ...from(7), address: '2001:db8:2::1' })).rejects.toThrow(LoginFailed)
  })

  it('[A10] let one address, once it is refused, use up nothing of its network', async () => {
    const { logins } = await openAccounts({ attemptsPerAddress: 2, attemptsPerNetwork: 4 })
    const from = (host: number, at: number) => ({ ...UNKNOWN, login: `user-${at}`, address: `192.0.2.${host}` })
    await Promise.allSettled(Array.from({ length: 50 }, (_, at) => logins.checkLogin(from(1, at))))

    await expect(logins.checkLogin(from(2, 100))).rejects.toThrow(LoginFailed)
  })

  it('do not let a refused address use up the attempts of its victim', async () => {
    const { accounts, logins } = await openAccounts({ attemptsPerAccount: 5, attemptsPerAddress: 3 })
    await accounts.createAccount(ALICE)
    await Promise.allSettled(Array.from({ length: 50 }, () => logins.checkLogin(WRONG)))

    const elsewhere = { ...RIGHT, address: '198.51.100.7' }

    await expect(logins.checkLogin(elsewhere)).resolves.toMatchObject({ login: ALICE.login })
  })

  it('[A6] count failures only: a right password gives its attempt back, for the account and the address', async () => {
    const { accounts, logins } = await openAccounts({
      attemptsPerAccount: 5,
      attemptsPerAddress: 5,
      attemptsPerNetwork: 5,
    })
    await accounts.createAccount(ALICE)
    await fail(logins, WRONG, 4)
    for (let time = 0; time < 20; time += 1) await logins.checkLogin(RIGHT)

    await fail(logins, WRONG, 1)

    await expect(logins.checkLogin(RIGHT)).rejects.toThrow(TooManyAttempts)
  })

  it('[A6] let all of 30 right passwords through that arrive together, in whatever order', async () => {
    const { accounts, logins } = await openAccounts({ attemptsPerAccount: 5, attemptsPerAddress: 5 })
    await accounts.createAccount(ALICE)

    // Five at a time pass; the others are refused without being counted, so that they pass when they come again.
    let left = 30
    while (left > 0) {
      const outcomes = await Promise.allSettled(Array.from({ length: left }, () => logins.checkLogin(RIGHT)))
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(TooManyAttempts)
      const passed = outcomes.filter(({ status }) => status === 'fulfilled').length
      expect(passed).toBeGreaterThanOrEqual(5)
      left -= passed
    }
    await fail(logins, WRONG, 5)
  })

  it('[A6] keep nothing of an address, a network or an account without failures', async () => {
    const { accounts, logins, store, clock } = await openAccounts()
    await accounts.createAccount(ALICE)
    const hidden = createKeyedHash(STORE_KEY, 'limits')
    const counters = () =>
      store.getMany([
        keys.limit('login-address', hidden(ADDRESS)),
        keys.limit('login-network', hidden('192.0.2.0/24')),
        keys.limit('login-account', hidden(ALICE.login)),
      ])
    await fail(logins, WRONG, 1)
    expect((await counters()).map((entry) => entry?.value)).toEqual(['1', '1', '1'])
    clock.moveSeconds(901)

    await logins.checkLogin(RIGHT)

    expect(await counters()).toEqual([undefined, undefined, undefined])
  })

  it('[A6] do not give back the attempt with a correct password of a disabled account', async () => {
    const { accounts, logins } = await openAccounts()
    const { id } = await accounts.createAccount(ALICE)
    await accounts.disable(id)
    await fail(logins, RIGHT, 5)

    await expect(logins.checkLogin(RIGHT)).rejects.toThrow(TooManyAttempts)
  })
})

describe('a known device', () => {
  const STRANGER = { ...WRONG, address: '198.51.100.7' }

  /** Alice's browser after a sign-in. */
  async function aDevice({ accounts, logins, clock }: AccountsFixture) {
    const alice = await accounts.createAccount(ALICE)
    const deviceCookie = logins.rememberDevice(undefined, alice, Math.floor(clock() / 1000))
    return { alice, deviceCookie }
  }

  it('[A9] signs in while strangers have used up the attempts of its account, its address and its network', async () => {
    const fixture = await openAccounts({ attemptsPerAccount: 5, attemptsPerAddress: 5, attemptsPerNetwork: 5 })
    const { deviceCookie } = await aDevice(fixture)
    await fail(fixture.logins, WRONG, 5)
    await expect(fixture.logins.checkLogin(RIGHT)).rejects.toThrow(TooManyAttempts)

    await expect(fixture.logins.checkLogin({ ...RIGHT, deviceCookie })).resolves.toMatchObject({ login: ALICE.login })
  })

  it('[A9] has as few attempts of its own, which no other device shares', async () => {
    const fixture = await openAccounts({ attemptsPerAccount: 5 })
    const { alice, deviceCookie } = await aDevice(fixture)
    const other = fixture.logins.rememberDevice(undefined, alice, Math.floor(fixture.clock() / 1000))
    await fail(fixture.logins, { ...WRONG, deviceCookie }, 5)

    await expect(fixture.logins.checkLogin({ ...RIGHT, deviceCookie })).rejects.toMatchObject({ rule: 'login-device' })
    await expect(fixture.logins.checkLogin({ ...RIGHT, deviceCookie: other })).resolves.toBeDefined()
    await expect(fixture.logins.checkLogin(RIGHT)).resolves.toBeDefined()
  })

  it('[A9] is not known to another account, nor when anything of its proof is changed', async () => {
    const fixture = await openAccounts({ attemptsPerAccount: 1 })
    const { deviceCookie } = await aDevice(fixture)
    await fixture.accounts.createAccount({ ...ALICE, login: 'dora' })
    const strangers = { ...RIGHT, login: 'dora' }
    await fail(fixture.logins, { ...strangers, password: WRONG.password }, 1)
    await fail(fixture.logins, STRANGER, 1)
    const flipped = Array.from(deviceCookie, (character, at) => {
      return deviceCookie.slice(0, at) + (character === 'a' ? 'b' : 'a') + deviceCookie.slice(at + 1)
    })

    await expect(fixture.logins.checkLogin({ ...strangers, deviceCookie })).rejects.toThrow(TooManyAttempts)
    for (const cookie of [...flipped, '', '~', 'x'.repeat(10_000)]) {
      await expect(fixture.logins.checkLogin({ ...RIGHT, deviceCookie: cookie })).rejects.toThrow(TooManyAttempts)
    }
  })

  it.each(['disable', 'setPassword', 'endAccess'] as const)('[A9] is forgotten after %s', async (verb) => {
    const fixture = await openAccounts({ attemptsPerAccount: 1 })
    const { alice, deviceCookie } = await aDevice(fixture)
    fixture.clock.moveSeconds(5)
    await fixture.accounts[verb](alice.id, 'drei kleine Igel')
    await fixture.accounts.enable(alice.id)
    await fail(fixture.logins, STRANGER, 1)

    await expect(fixture.logins.checkLogin({ ...RIGHT, deviceCookie })).rejects.toThrow(TooManyAttempts)
  })

  it('[A9] is forgotten a year after its last sign-in', async () => {
    const fixture = await openAccounts({ attemptsPerAccount: 1 })
    const { deviceCookie } = await aDevice(fixture)
    fixture.clock.moveSeconds(365 * 86_400)
    await fail(fixture.logins, STRANGER, 1)

    await expect(fixture.logins.checkLogin({ ...RIGHT, deviceCookie })).rejects.toThrow(TooManyAttempts)
  })

  it('[A9] keeps the proofs of the five people who signed in there last', async () => {
    const fixture = await openAccounts({ attemptsPerAccount: 1 })
    const people = ['ana', 'ben', 'cem', 'dora', 'eva', 'fay']
    let deviceCookie: string | undefined
    for (const login of people) {
      const account = await fixture.accounts.createAccount({ ...ALICE, login })
      deviceCookie = fixture.logins.rememberDevice(deviceCookie, account, Math.floor(fixture.clock() / 1000))
      await fail(fixture.logins, { ...STRANGER, login }, 1)
    }

    expect(deviceCookie?.length).toBeLessThan(500)
    await expect(fixture.logins.checkLogin({ ...RIGHT, login: 'ana', deviceCookie })).rejects.toThrow(TooManyAttempts)
    for (const login of people.slice(1)) {
      await expect(fixture.logins.checkLogin({ ...RIGHT, login, deviceCookie })).resolves.toMatchObject({ login })
    }
  })

  it('[A9] and strangers sign in at once after an unlock, which the trail has', async () => {
    const fixture = await openAccounts({ attemptsPerAccount: 5 })
    const { alice, deviceCookie } = await aDevice(fixture)
    await fail(fixture.logins, { ...WRONG, deviceCookie }, 5)
    await fail(fixture.logins, STRANGER, 5)
    fixture.clock.moveSeconds(1)

    await fixture.logins.unlock(alice)

    await expect(fixture.logins.checkLogin({ ...RIGHT, deviceCookie })).resolves.toBeDefined()
    await expect(fixture.logins.checkLogin(RIGHT)).resolves.toBeDefined()
    expect(await fixture.trail()).toContainEqual(
      expect.objectContaining({ event: 'account.unlocked', subject: alice.id }),
    )
  })
})

describe('a crowd signing in', () => {
  it('[S125] is sent away when the line is full, and loses no attempt at its accounts by that', async () => {
    const fixture = await openAccounts({ attemptsPerAccount: 1 })
    await fixture.accounts.createAccount(ALICE)
    const full = accountsOver(fixture.store, fixture.clock, fixture.sealer, { concurrentHashes: 0, waitingHashes: 0 })

    const crowd = await Promise.allSettled(Array.from({ length: 500 }, () => full.logins.checkLogin(RIGHT)))

    for (const outcome of crowd) expect(outcome).toMatchObject({ reason: { status: 503, retryAfterSeconds: 2 } })
    // The first, and then with their count.
    const busy = (await full.trail()).filter(({ event }) => event === 'login.busy')
    expect(busy.map(({ address, outcome, count }) => [address, outcome, count])).toEqual([
      [ADDRESS, 'failure', undefined],
      [ADDRESS, 'failure', 10],
      [ADDRESS, 'failure', 100],
    ])
    await expect(fixture.logins.checkLogin(RIGHT)).resolves.toMatchObject({ login: ALICE.login })
  })
})

describe('a hash of older parameters', () => {
  it('[S124] is made anew when its owner signs in, and only then', async () => {
    const fixture = await openAccounts()
    const { id } = await fixture.accounts.createAccount(ALICE)
    await setHash(fixture, id, hashSync(ALICE.password, { memoryCost: 4096, timeCost: 1 }))

    await fixture.logins.checkLogin(WRONG).catch(() => undefined)
    expect(await hashOf(fixture, id)).toMatch(/m=4096,t=1/)
    await fixture.logins.checkLogin(RIGHT)

    expect(await hashOf(fixture, id)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    await expect(fixture.logins.checkLogin(RIGHT)).resolves.toMatchObject({ id })
  })
})

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

async function fail(
  logins: AccountsFixture['logins'],
  attempt: Parameters<AccountsFixture['logins']['checkLogin']>[0],
  times: number,
): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await expect(logins.checkLogin(attempt)).rejects.toThrow(LoginFailed)
  }
}
