import { hashSync } from '@node-rs/argon2'
import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'

import type { Accounts } from '../../src/accounts/accounts.ts'
import { AccountExists, AccountUnknown, PasswordRefused } from '../../src/faults/accounts.ts'
import { SealBroken } from '../../src/faults/keyring.ts'
import { StoreUnavailable } from '../../src/faults/store.ts'
import { epochSeconds } from '../../src/base/clock.ts'
import { createKeyedHash } from '../../src/base/keyed-hash.ts'
import { keys } from '../../src/store/keys.ts'
import type { Store } from '../../src/store/store.ts'
import { ALICE, openAccounts, everyAccount, accountsOver, openNodes, STORE_KEY, setHash } from './open-accounts.ts'

describe('accounts', () => {
  it('are found by id and by login, however the login is written', async () => {
    const { accounts, clock } = await openAccounts()

    const made = await accounts.createAccount({ ...ALICE, login: ' Alice@Example.com ' })

    expect(made).toEqual({
      id: expect.stringMatching(/^usr_[\w-]{22}$/),
      login: 'Alice@Example.com',
      claims: { name: 'Alice' },
      disabled: false,
      createdAt: clock() / 1000,
    })
    expect(await accounts.findAccount(made.id)).toEqual(made)
    expect(await accounts.findAccountByLogin('ALICE@EXAMPLE.COM')).toEqual(made)
    expect(await accounts.findAccountByLogin('bob@example.com')).toBeUndefined()
  })

  it.each(['', 'usr_', 'web', `usr_${'A'.repeat(22)}`, `usr_${'A'.repeat(21)}}`])(
    'have no account with the id "%s"',
    async (id) => {
      const { accounts } = await openAccounts()

      expect(await accounts.findAccount(id)).toBeUndefined()
      await expect(accounts.disable(id)).rejects.toThrow(AccountUnknown)
      await expect(accounts.setPassword(id, 'drei kleine Igel')).rejects.toThrow(AccountUnknown)
    },
  )

  it('are sealed in the store: neither login nor claims nor hash can be read there', async () => {
    const { accounts, store } = await openAccounts()
    const { id } = await accounts.createAccount(ALICE)

    const loginKey = keys.login(createKeyedHash(STORE_KEY, 'logins')(ALICE.login))
    const stored = await store.getMany([keys.account(id), loginKey])

    expect(stored.map((entry) => entry?.version)).toEqual([2, 1])
    expect(JSON.stringify(stored)).not.toMatch(/alice|wonderland|argon2/i)
    expect(loginKey).not.toMatch(/alice/)
  })

  it('[A15] are found by no hash that a guesser of logins can make without the key', async () => {
    const { accounts, store } = await openAccounts()
    await accounts.createAccount(ALICE)

    const guessed = keys.login(hash('sha256', ALICE.login, 'base64url'))

    expect(await store.get(guessed)).toBeUndefined()
  })

  it('do not open when their record is put in the place of another', async () => {
    const { accounts, store } = await openAccounts()
    const alice = await accounts.createAccount(ALICE)
    const bob = await accounts.createAccount({ ...ALICE, login: 'bob' })
    const entry = await store.get(keys.account(alice.id))

    await store.put(keys.account(bob.id), entry?.value ?? '')

    await expect(accounts.findAccount(bob.id)).rejects.toThrow(SealBroken)
  })

  it('are listed a page at a time', async () => {
    const fixture = await openAccounts()
    const logins = ['ana', 'ben', 'cem', 'dia', 'eva']
    for (const login of logins) await fixture.accounts.createAccount({ ...ALICE, login })

    const listed = await everyAccount(fixture)

    expect(listed.map((account) => account.login).toSorted()).toEqual(logins)
  })

  it('keep the password that was set last', async () => {
    const { accounts, trail } = await openAccounts()
    const { id } = await accounts.createAccount(ALICE)

    await accounts.setPassword(id, 'drei kleine Igel')

    expect(await accounts.checkPassword(ALICE.login, ALICE.password)).toMatchObject({ outcome: 'wrong' })
    expect(await accounts.checkPassword(ALICE.login, 'drei kleine Igel')).toMatchObject({ outcome: 'right' })
    await expect(accounts.setPassword(id, ALICE.login)).rejects.toThrow(PasswordRefused)
    expect(await trail()).toMatchObject([
      { event: 'account.created', subject: id },
      { event: 'account.password_changed', subject: id },
    ])
  })

  it('are disabled and enabled again, and the trail says so', async () => {
    const { accounts, trail } = await openAccounts()
    const { id } = await accounts.createAccount(ALICE)

    await accounts.disable(id)
    expect(await accounts.findAccount(id)).toMatchObject({ disabled: true })
    await accounts.enable(id)

    expect(await accounts.findAccount(id)).toMatchObject({ disabled: false })
    expect((await trail()).map((record) => record.event)).toEqual([
      'account.created',
      'account.disabled',
      'account.enabled',
    ])
  })

  it('lose no change when another node changes them between reading and writing', async () => {
    const fixture = await openAccounts()
    const { id } = await fixture.accounts.createAccount(ALICE)
    const interrupted = withBeforePut(fixture.store, 1, async () => {
      await fixture.accounts.disable(id)
    })

    await accountsOver(interrupted, fixture.clock, fixture.sealer).accounts.setPassword(id, 'drei kleine Igel')

    // 'disabled' is the answer only to the right password, so both changes are there.
    const checked = await fixture.accounts.checkPassword(ALICE.login, 'drei kleine Igel')
    expect(checked).toMatchObject({ outcome: 'disabled', account: { disabled: true } })
  })

  it('lose no change to a hash made anew at a sign-in', async () => {
    const fixture = await openAccounts()
    const { id } = await fixture.accounts.createAccount(ALICE)
    await setHash(fixture, id, hashSync(ALICE.password, { memoryCost: 4096, timeCost: 1 }))
    const interrupted = withBeforePut(fixture.store, 1, async () => {
      await fixture.accounts.setPassword(id, 'drei kleine Igel')
    })

    await accountsOver(interrupted, fixture.clock, fixture.sealer).accounts.checkPassword(ALICE.login, ALICE.password)

    const checked = await fixture.accounts.checkPassword(ALICE.login, 'drei kleine Igel')
    expect(checked).toMatchObject({ outcome: 'right' })
  })
})

describe('an account whose access has ended', () => {
  const ways: [name: string, end: (accounts: Accounts, id: string) => Promise<unknown>][] = [
    ['by another password', (accounts, id) => accounts.setPassword(id, 'drei kleine Igel')],
    ['by an operator', (accounts, id) => accounts.endAccess(id)],
    ['by being disabled, and enabled again', (accounts, id) => accounts.disable(id).then(() => accounts.enable(id))],
  ]

  it.each(ways)('%s counts no sign-in at that time or before it, and every later one', async (_, end) => {
    const { accounts, clock } = await openAccounts()
    const { id } = await accounts.createAccount(ALICE)
    const now = epochSeconds(clock)
    expect(await accounts.findSignedIn(id, now)).toMatchObject({ id })

    await end(accounts, id)

    expect(await accounts.findSignedIn(id, now - 100)).toBeUndefined()
    expect(await accounts.findSignedIn(id, now)).toBeUndefined()
    expect(await accounts.findSignedIn(id, undefined)).toBeUndefined()
    expect(await accounts.findSignedIn(id, now + 1)).toMatchObject({ id })
  })

  it.each(ways)('%s counts none that began while this was being written', async (_, end) => {
    const { store, clock, sealer, accounts } = await openAccounts()
    const { id } = await accounts.createAccount(ALICE)
    // A sign-in within the second that the write takes still reads the old record.
    const slow = withBeforePut(store, 1, async () => clock.moveSeconds(1))

    await end(accountsOver(slow, clock, sealer).accounts, id)

    expect(await accounts.findSignedIn(id, epochSeconds(clock))).toBeUndefined()
    expect(await accounts.findSignedIn(id, epochSeconds(clock) + 1)).toMatchObject({ id })
  })

  it('by being removed has no account any more, and its login is free for another', async () => {
    const { accounts, clock } = await openAccounts()
    const { id } = await accounts.createAccount(ALICE)

    await accounts.remove(id)

    expect(await accounts.findAccount(id)).toBeUndefined()
    expect(await accounts.findSignedIn(id, epochSeconds(clock) + 1)).toBeUndefined()
    expect(await accounts.checkPassword(ALICE.login, ALICE.password)).toMatchObject({ outcome: 'unknown' })
    expect((await accounts.createAccount(ALICE)).id).not.toBe(id)
    await expect(accounts.remove(id)).rejects.toThrow(AccountUnknown)
  })
})

describe('making an account', () => {
  it('refuses a login that another account has', async () => {
    const fixture = await openAccounts()
    await fixture.accounts.createAccount(ALICE)

    await expect(fixture.accounts.createAccount({ ...ALICE, login: 'ALICE@example.com' })).rejects.toThrow(
      AccountExists,
    )

    expect(await everyAccount(fixture)).toHaveLength(1)
  })

  it('lets one of sixteen on two nodes have the login, and leaves nothing of the others', async () => {
    const nodes = await openNodes(2)

    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => nodes.map((node) => node.accounts.createAccount(ALICE))).flat(),
    )

    const [won, ...more] = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(more).toEqual([])
    for (const { reason } of lost) expect(reason).toBeInstanceOf(AccountExists)
    for (const node of nodes) {
      expect(await everyAccount(node)).toEqual([won?.value])
      expect(await node.accounts.findAccountByLogin(ALICE.login)).toEqual(won?.value)
    }
  })

  it.each([1, 2, 3])('leaves the login free when its node dies before write %i of three', async (write) => {
    const fixture = await openAccounts()
    const dying = accountsOver(dyingBefore(fixture.store, write), fixture.clock, fixture.sealer)
    await expect(dying.accounts.createAccount(ALICE)).rejects.toThrow(StoreUnavailable)
    fixture.clock.moveSeconds(61)
    expect(await everyAccount(fixture)).toEqual([])
    expect(await fixture.accounts.findAccountByLogin(ALICE.login)).toBeUndefined()

    const made = await fixture.accounts.createAccount(ALICE)
    fixture.clock.moveSeconds(3600)

    expect(await everyAccount(fixture)).toEqual([made])
    expect(await fixture.accounts.findAccountByLogin(ALICE.login)).toEqual(made)
  })

  it('lets the first of two have a login that a dead node left behind', async () => {
    const fixture = await openAccounts()
    const dying = accountsOver(dyingBefore(fixture.store, 3), fixture.clock, fixture.sealer)
    await expect(dying.accounts.createAccount(ALICE)).rejects.toThrow(StoreUnavailable)
    fixture.clock.moveSeconds(61)
    // Both find the login free; the third write of the slower one is the one that takes it.
    const slower = withBeforePut(fixture.store, 3, async () => {
      await fixture.accounts.createAccount(ALICE)
    })

    const late = accountsOver(slower, fixture.clock, fixture.sealer).accounts.createAccount(ALICE)

    await expect(late).rejects.toThrow(AccountExists)
    const first = await fixture.accounts.findAccountByLogin(ALICE.login)
    expect(first).toBeDefined()
    expect(await everyAccount(fixture)).toEqual([first])
  })

  it('lasts when a sign-in happens before it is finished', async () => {
    const fixture = await openAccounts()
    const interrupted = withBeforePut(fixture.store, 3, async () => {
      const found = await fixture.accounts.findAccountByLogin(ALICE.login)
      await fixture.accounts.disable(found?.id ?? '')
    })

    const made = await accountsOver(interrupted, fixture.clock, fixture.sealer).accounts.createAccount(ALICE)
    fixture.clock.moveSeconds(3600)

    expect(await fixture.accounts.findAccount(made.id)).toMatchObject({ disabled: true })
  })

  it('asks for a good password and a login before anything is stored', async () => {
    const fixture = await openAccounts()

    await expect(fixture.accounts.createAccount({ ...ALICE, password: 'sunshine' })).rejects.toThrow(PasswordRefused)
    await expect(fixture.accounts.createAccount({ ...ALICE, login: ' ' })).rejects.toMatchObject({
      code: 'login_refused',
    })

    expect(await everyAccount(fixture)).toEqual([])
    expect(await fixture.trail()).toEqual([])
  })
})

/** The store as a node sees it that dies before its n-th write. */
function dyingBefore(store: Store, write: number): Store {
  return withBeforePut(store, write, () => Promise.reject(new StoreUnavailable()))
}

/** The store, with something happening before the n-th put. */
function withBeforePut(store: Store, nth: number, happens: () => Promise<void>): Store {
  let puts = 0
  return new Proxy(store, {
    get(target, verb) {
      const member: unknown = Reflect.get(target, verb)
      if (typeof member !== 'function') return member
      return async (...args: unknown[]) => {
        if (verb === 'put') puts += 1
        if (verb === 'put' && puts === nth) await happens()
        return Reflect.apply(member, target, args)
      }
    },
  })
}
