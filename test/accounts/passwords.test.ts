import { hashSync } from '@node-rs/argon2'
import { describe, expect, it } from 'vitest'

import { createPasswords } from '../../src/accounts/passwords.ts'
import { PasswordRefused } from '../../src/faults/accounts.ts'
import { LoginsBusy } from '../../src/faults/sign-in.ts'

const passwords = createPasswords({ concurrent: 2, waiting: 100 })

describe('passwords', () => {
  it('[S124] are kept as argon2id of 19 MiB and two passes', async () => {
    expect(await passwords.hash('drei kleine Igel')).toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/,
    )
  })

  it('verify, each with a salt of its own', async () => {
    const [one, two] = await Promise.all([passwords.hash('drei kleine Igel'), passwords.hash('drei kleine Igel')])

    expect(one).not.toBe(two)
    expect(await passwords.verify(one, 'drei kleine Igel')).toBe(true)
    expect(await passwords.verify(one, 'drei kleine igel')).toBe(false)
  })

  it.each([
    ['in the 73rd byte', 'x'.repeat(72)],
    ['after 127 characters', '🦉'.repeat(127)],
    ['after a NUL', 'drei kleine Igel\u0000'],
    ['in a space at the end', 'drei kleine Igel'],
  ])('[S123] that differ only %s are different', async (_, start) => {
    const kept = await passwords.hash(`${start}a`)

    expect(await passwords.verify(kept, `${start}b`)).toBe(false)
    expect(await passwords.verify(kept, start)).toBe(false)
    expect(await passwords.verify(kept, `${start}a `)).toBe(false)
    expect(await passwords.verify(kept, `${start}a`)).toBe(true)
  })

  it('[S123] are the same on a keyboard that composes accents otherwise', async () => {
    const kept = await passwords.hash('caf\u00e9 au lait')

    expect(await passwords.verify(kept, 'cafe\u0301 au lait')).toBe(true)
  })

  it('[S124] of more than 1,024 bytes are refused before they are hashed', async () => {
    // No place in the turnstile: whatever reached it would be refused as busy instead.
    const none = createPasswords({ concurrent: 0, waiting: 0 })
    const long = '🦉'.repeat(257)

    expect(none.isHashable('🦉'.repeat(256))).toBe(true)
    expect(none.isHashable(long)).toBe(false)
    await expect(none.hash(long)).rejects.toThrow(PasswordRefused)
    await expect(none.verify('', long)).rejects.toThrow(PasswordRefused)
    await expect(none.verifyAgainstNothing(long)).rejects.toThrow(PasswordRefused)
    await expect(none.hash('🦉'.repeat(256))).rejects.toThrow(LoginsBusy)
  })

  it('[S124] kept with less than today are outdated', async () => {
    const weak = (options: object) => hashSync('drei kleine Igel', options)

    expect(passwords.isOutdated(await passwords.hash('drei kleine Igel'))).toBe(false)
    expect(passwords.isOutdated(weak({ memoryCost: 65_536, timeCost: 3 }))).toBe(false)
    expect(passwords.isOutdated(weak({ memoryCost: 4096, timeCost: 3 }))).toBe(true)
    expect(passwords.isOutdated(weak({ memoryCost: 65_536, timeCost: 1 }))).toBe(true)
    expect(passwords.isOutdated(weak({ memoryCost: 65_536, timeCost: 3, algorithm: 1 }))).toBe(true)
  })

  it('[S125] beyond those that may wait are refused at once, half of the places for one network', async () => {
    const few = createPasswords({ concurrent: 2, waiting: 4 })

    const outcomes = await Promise.allSettled(
      Array.from({ length: 500 }, () => few.verifyAgainstNothing('drei kleine Igel')),
    )

    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(496)
    for (const { reason } of refused) expect(reason).toMatchObject({ status: 503, retryAfterSeconds: 2 })
  })
})
