import { describe, expect, it } from 'vitest'

import { checkPasswordRules } from '../../src/accounts/password-rules.ts'

const LOGIN = 'Clara.Oswald@example.com'

function rulesOn(password: string): Promise<void> {
  return checkPasswordRules(password, LOGIN)
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
    ['the most common one', 'password', 'first that anybody'],
    ['a common one in capitals', 'SunShine', 'first that anybody'],
    ['one character again and again', '77777777', 'first that anybody'],
    ['a few characters again and again', 'xyzwxyzwxyz', 'first that anybody'],
    ['digits in their order', '4567890123', 'first that anybody'],
    ['digits backwards', '87654321', 'first that anybody'],
    ['letters in their order', 'mnopqrstuv', 'first that anybody'],
    ['keys side by side', 'poiuytrewq', 'first that anybody'],
    ['nothing to be seen', ' \u200b\u200b\u200b\u200b\u200b\u200b ', 'first that anybody'],
  ])('[S123] refuse %s and say why', async (_, password, why) => {
    await expect(rulesOn(password)).rejects.toMatchObject({ code: 'password_refused', status: 400 })
    await expect(rulesOn(password)).rejects.toThrow(why)
  })

  it('[S123] refuse each of the 3,000 most common passwords', async () => {
    const { dictionary } = await import('@zxcvbn-ts/language-common')
    const most = dictionary['passwords-common'].filter(({ length }) => length >= 8).slice(0, 3000)

    expect(most).toHaveLength(3000)
    for (const password of most) await expect(rulesOn(password)).rejects.toThrow('first that anybody')
  })

  it('do not repeat the password in what they say', async () => {
    for (const password of ['canary', 'sunshine', 'canary'.repeat(40)]) {
      await expect(rulesOn(password)).rejects.not.toThrow(password)
    }
  })
})
