/** The login as a person types it, and the form under which it is compared. */

import { LoginRefused } from '../faults/accounts.ts'

// The longest e-mail address that SMTP can carry (RFC 5321 section 4.5.3.1.3: 256 octets with its angle brackets).
const LONGEST_LOGIN = 254

/**
 * The form under which a login is found and limited. Logins that look the same, or differ only in case, are the same.
 *
 * The text is cut to the longest possible login, so a page of text costs no more than a name.
 */
export function canonicalLogin(login: string): string {
  const visible = login
    .slice(0, LONGEST_LOGIN + 1)
    .trim()
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
  return folded(folded(visible)).trim()
}

/** Throws `LoginRefused` when the text cannot be an account's login. */
export function checkLoginName(login: string): void {
  if (canonicalLogin(login) === '') throw new LoginRefused('empty')
  if (login.trim().length > LONGEST_LOGIN) throw new LoginRefused('too_long', { most: LONGEST_LOGIN })
  if (/\p{C}/u.test(login.trim())) throw new LoginRefused('invisible')
}

// Upper case first: lower case alone keeps apart what case folding joins, such as ß and ss, or ς and σ. Twice, as
// Unicode's NFKC_Casefold does, because each step can make work for the other.
function folded(text: string): string {
  return text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')
}
