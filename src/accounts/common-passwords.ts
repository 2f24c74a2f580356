/**
 * What a guesser tries before anything else: about 18,000 common passwords of at least eight characters, several times
 * what OWASP ASVS 5.0 (6.2.4) asks for.
 */

/** Whether the password, folded to lower case, is on the list. */
export async function isCommonPassword(folded: string): Promise<boolean> {
  // Read when a password is set, which a server seldom does: the list costs 100 ms and 20 MB to unpack.
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return dictionary['passwords-common'].includes(folded)
}
