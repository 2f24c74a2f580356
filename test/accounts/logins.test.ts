import { hashSync } from '@node-rs/argon2'
import { describe, expect, it } from 'vitest'

import { LoginFailed, TooManyAttempts } from '../../src/base/faults.ts'
import { ALICE, aHouse, type House, hashOf, houseOver, houses, setHash } from './a-house.ts'

const ADDRESS = '192.0.2.1'
const RIGHT = { login: ALICE.login, password: ALICE.password, address: ADDRESS }
const WRONG = { ...RIGHT, password: 'queen of hearts' }
const UNKNOWN = { ...RIGHT, login: 'nobody@example.com' }

describe('signing in', () => {
  it('gives the account to whoever knows login and password', async () => {
    const { accounts, logins, trail } = await aHouse()
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
    const { accounts, logins, trail } = await aHouse()
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
    const { accounts, logins } = await aHouse({ attemptsPerAccount: 1000 })
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

    expect(Math.abs(median(times.unknown) - median(times.wrong))).toBeLessThan(5)
    expect(Math.abs(median(times.disabled) - median(times.wrong))).toBeLessThan(5)
  })

  it('never tells the trail what was typed', async () => {
    const { accounts, logins, store, audit } = await aHouse()
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
    const nodes = await houses(2, { attemptsPerAccount: 5 })
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
    // One line for the rest: what strangers can repeat at will must not fill the trail.
    expect(events.filter((record) => record.event === 'login.throttled')).toMatchObject([{ reason: 'login-account' }])
    expect(events).toHaveLength(6)
  })

  it('[S121] refuse the right password too, until the window ends', async () => {
    const { accounts, logins, clock } = await aHouse()
    await accounts.createAccount(ALICE)
    await fail(logins, WRONG, 5)

    await expect(logins.checkLogin(RIGHT)).rejects.toMatchObject({ status: 429, retryAfterSeconds: 900 })
    clock.moveSeconds(901)

    await expect(logins.checkLogin(RIGHT)).resolves.toMatchObject({ login: ALICE.login })
  })

  it('[S120] hold for an account that does not exist, and for every way to write a login', async () => {
    const { logins } = await aHouse()
    const ways = ['nobody', 'NOBODY', ' nobody ', 'ｎｏｂｏｄｙ', 'no\u200bbody']

    for (const login of ways) await expect(logins.checkLogin({ ...UNKNOWN, login })).rejects.toThrow(LoginFailed)

    await expect(logins.checkLogin({ ...UNKNOWN, login: 'nobody' })).rejects.toThrow(TooManyAttempts)
  })

  it('[S120] hold for an address over all accounts, and for a whole IPv6 /64', async () => {
    const { logins } = await aHouse({ attemptsPerAddress: 3 })
    const from = (host: number) => ({ ...UNKNOWN, login: `user-${host}`, address: `2001:db8::${host}` })
    for (const host of [1, 2, 3]) await expect(logins.checkLogin(from(host))).rejects.toThrow(LoginFailed)

    await expect(logins.checkLogin(from(4))).rejects.toThrow(TooManyAttempts)

    await expect(logins.checkLogin({ ...from(5), address: '2001:db8:0:1::5' })).rejects.toThrow(LoginFailed)
  })

  it('do not let a refused address use up the attempts of its victim', async () => {
    const { accounts, logins } = await aHouse({ attemptsPerAccount: 5, attemptsPerAddress: 3 })
    await accounts.createAccount(ALICE)
    await Promise.allSettled(Array.from({ length: 50 }, () => logins.checkLogin(WRONG)))

    const elsewhere = { ...RIGHT, address: '198.51.100.7' }

    await expect(logins.checkLogin(elsewhere)).resolves.toMatchObject({ login: ALICE.login })
  })

  it('start again for the account after a success, not for the address', async () => {
    const { accounts, logins } = await aHouse({ attemptsPerAccount: 5, attemptsPerAddress: 10 })
    await accounts.createAccount(ALICE)
    await fail(logins, WRONG, 4)
    await logins.checkLogin(RIGHT)
    await fail(logins, WRONG, 4)
    await logins.checkLogin(RIGHT)

    await expect(logins.checkLogin(RIGHT)).rejects.toThrow(TooManyAttempts)
    await expect(logins.checkLogin({ ...RIGHT, address: '198.51.100.7' })).resolves.toBeDefined()
  })
})

describe('a crowd signing in', () => {
  it('[S125] is sent away when the line is full, and loses no attempt at its accounts by that', async () => {
    const house = await aHouse({ attemptsPerAccount: 1 })
    await house.accounts.createAccount(ALICE)
    const full = houseOver(house.store, house.clock, house.sealer, { concurrentHashes: 0, waitingHashes: 0 })

    const crowd = await Promise.allSettled(Array.from({ length: 500 }, () => full.logins.checkLogin(RIGHT)))

    for (const outcome of crowd) expect(outcome).toMatchObject({ reason: { status: 503, retryAfterSeconds: 2 } })
    expect((await full.trail()).at(-1)).toMatchObject({ event: 'login.busy', address: ADDRESS, outcome: 'failure' })
    await expect(house.logins.checkLogin(RIGHT)).resolves.toMatchObject({ login: ALICE.login })
  })
})

describe('a hash of older parameters', () => {
  it('[S124] is made anew when its owner signs in, and only then', async () => {
    const house = await aHouse()
    const { id } = await house.accounts.createAccount(ALICE)
    await setHash(house, id, hashSync(ALICE.password, { memoryCost: 4096, timeCost: 1 }))

    await house.logins.checkLogin(WRONG).catch(() => undefined)
    expect(await hashOf(house, id)).toMatch(/m=4096,t=1/)
    await house.logins.checkLogin(RIGHT)

    expect(await hashOf(house, id)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    await expect(house.logins.checkLogin(RIGHT)).resolves.toMatchObject({ id })
  })
})

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

async function fail(logins: House['logins'], attempt: typeof WRONG, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await expect(logins.checkLogin(attempt)).rejects.toThrow(LoginFailed)
  }
}
