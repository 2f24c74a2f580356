/**
 * Which passwords are refused: too short, too long to be hashed, or one of the first that an attacker tries.
 *
 * No rule asks for digits or signs; such rules make passwords harder to remember and no harder to guess
 * (NIST SP 800-63B).
 */

import { PasswordRefused } from '../faults/accounts.ts'
import { isCommonPassword } from './common-passwords.ts'
import { canonicalLogin } from './login-name.ts'

const FEWEST_CHARACTERS = 8
const MOST_CHARACTERS = 128

/** Throws `PasswordRefused` whose reason names the broken rule. Characters are Unicode code points. */
export async function checkPasswordRules(password: string, login: string): Promise<void> {
  if (!password.isWellFormed()) throw new PasswordRefused('not_text')
  const characters = Array.from(password.normalize('NFC'))
  if (characters.length < FEWEST_CHARACTERS) {
    throw new PasswordRefused('too_short', { fewest: FEWEST_CHARACTERS })
  }
  if (characters.length > MOST_CHARACTERS) {
    throw new PasswordRefused('too_long', { most: MOST_CHARACTERS })
  }
  const folded = canonicalLogin(password)
  if (isLogin(folded, canonicalLogin(login))) throw new PasswordRefused('is_login')
  if (await isEasilyGuessed(folded)) throw new PasswordRefused('common')
}

/** The login itself, or the part before the @ of an e-mail address. */
function isLogin(folded: string, login: string): boolean {
  return folded === login || folded === login.split('@')[0]
}

async function isEasilyGuessed(folded: string): Promise<boolean> {
  return isRepetition(folded) || isRun(folded) || (await isCommonPassword(folded))
}

// `aaaaaaaa`, `abababab`, `123412341234`
const LONGEST_PERIOD = 4

function isRepetition(text: string): boolean {
  const characters = Array.from(text)
  return Array.from({ length: LONGEST_PERIOD }, (_, at) => at + 1).some((period) =>
    characters.every((character, at) => character === characters[at % period]),
  )
}

// Keys that are next to each other, letters and digits in order; also backwards, and continued at the start.
const ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'azertyuiop', '1234567890', '0123456789']
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz'
const RUNS = [...ROWS, ROWS.slice(0, 3).join(''), ALPHABET].flatMap((row) => {
  const twice = row + row
  return [twice, Array.from(twice).reverse().join('')]
})

function isRun(text: string): boolean {
  return RUNS.some((run) => run.includes(text))
}
