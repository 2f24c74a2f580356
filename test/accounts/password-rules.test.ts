import { describe, expect, it } from 'vitest'

import type { Fault } from '../../src/faults/fault.ts'
import { faultText } from '../../src/i18n/fault-text.ts'
import { checkPasswordRules } from '../../src/accounts/password-rules.ts'

const LOGIN = 'Clara.Oswald@example.com'

function rulesOn(password: string): Promise<void> {
  return checkPasswordRules(password, LOGIN)
}

/** What the person is told. */
function refusalOf(password: string): Promise<string> {
  return rulesOn(password).then(
    () => 'taken',
    (fault: Fault) => faultText(fault),
  )
}

describe('password rules', () => {
  it.each([
    ['eight characters', 'tV5-qp9x'],
    ['128 characters', 'wie der Regen auf das Dach '.repeat(5).slice(0, 128)],
    ['128 emoji, which are 512 bytes', '🦉🐢🦊🐙🌵🍋🔭🎻'.repeat(16)],
    ['spaces within', 'drei kleine Igel'],
    ['any script', 'пароль собаки'],
    ['a NUL within', 'tV5-\u0000qp9x'],
    ["the demo user's", 'wonderland-2026'],
  ])('[S123] take %s', async (_, password) => {
    await expect(rulesOn(password)).resolves.toBeUndefined()
  })

  it.each([
    ['seven characters', 'tV5-qp9', 'at least 8'],
    ['four emoji, though they are eight units long', '🦉🐢🦊🐙', 'at least 8'],
    ['129 characters', `${'tV5-qp9x'.repeat(16)}x`, 'at most 128'],
    ['half a character', 'tV5-qp9x\ud800', 'not valid text'],
    ['the login', 'clara.oswald@EXAMPLE.com', 'not the login'],
    ['the name in the login', 'Clara.Oswald', 'not the login'],
    ['the most common one', 'password', 'first that an attacker'],
    ['a common one in capitals', 'SunShine', 'first that an attacker'],
    ['one character again and again', '77777777', 'first that an attacker'],
    ['a few characters again and again', 'xyzwxyzwxyz', 'first that an attacker'],
    ['digits in their order', '4567890123', 'first that an attacker'],
    ['digits backwards', '87654321', 'first that an attacker'],
    ['letters in their order', 'mnopqrstuv', 'first that an attacker'],
    ['keys side by side', 'poiuytrewq', 'first that an attacker'],
    ['nothing to be seen', ' \u200b\u200b\u200b\u200b\u200b\u200b ', 'first that an attacker'],
  ])('[S123] refuse %s and say why', async (_, password, why) => {
    await expect(rulesOn(password)).rejects.toMatchObject({ code: 'password_refused', status: 400 })
    expect(await refusalOf(password)).toContain(why)
  })

  it('[S123] refuse each of the 3,000 most common passwords', async () => {
    const { dictionary } = await import('@zxcvbn-ts/language-common')
    const most = dictionary['passwords-common'].filter(({ length }) => length >= 8).slice(0, 3000)

    expect(most).toHaveLength(3000)
    for (const password of most) expect(await refusalOf(password)).toContain('first that an attacker')
  })

  it('do not repeat the password in what they say', async () => {
    for (const password of ['canary', 'sunshine', 'canary'.repeat(40)]) {
      await expect(rulesOn(password)).rejects.not.toThrow(password)
      expect(await refusalOf(password)).not.toContain(password)
    }
  })
})
