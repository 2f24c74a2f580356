/** The OpenID scopes as the consent page says them. The scopes of APIs bring sentences of their own. */

const SENTENCES: ReadonlyMap<string, string> = new Map([
  ['openid', 'Know that it is you, by an identifier that stays the same'],
  ['profile', 'See your profile: name, picture, language and time zone'],
  ['email', 'See your e-mail address'],
  ['offline_access', 'Stay connected when you are not here'],
])

/** One sentence a scope. A scope without a sentence is shown by its name: nothing is granted that was not shown. */
export function sentencesFor(scopes: readonly string[]): string[] {
  return scopes.map((scope) => SENTENCES.get(scope) ?? `Use the permission “${scope}”`)
}
