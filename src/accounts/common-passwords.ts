/**
 * The passwords that an attacker tries first: about 18,000 common ones of at least eight characters, several times what
 * OWASP ASVS 5.0 (6.2.4) asks for.
 */

/** Whether the password, folded to lower case, is on the list. */
export async function isCommonPassword(folded: string): Promise<boolean> {
  // Loaded when a password is set, which is rare: unpacking the list costs 100 ms and 20 MB.
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return dictionary['passwords-common'].includes(folded)
}
