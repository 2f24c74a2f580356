/** The claims of every ID token besides the subject: its session, and the access token that was issued with it. */

import type { Client, Provider } from 'oidc-provider'

import { sessionClaim } from '../../../grants/session-claim.ts'
import { subjectOf } from '../../configuration/subject-identifiers.ts'
import { requestScope } from '../../request/scope.ts'
import { defineMethod, type Override } from '../override.ts'

export const idTokenClaims: Override<{ readonly pairwiseSalt: string }> = {
  members: ['IdToken#issue'],
  without: 'refuse',
  apply: nameSessionAndToken,
}

interface EngineIdToken {
  readonly client: Client
  readonly available: { readonly sub?: string }
  set(claim: string, value: unknown): void
}

type Issue = (this: EngineIdToken, options: { readonly use: string }) => Promise<string>

/**
 * `at_hash` (OpenID Connect Core section 3.1.3.6) is hashed by the engine out of the access token. `sid` is the name of the
 * session that this client's access tokens have, so that a client which learns of the end of one knows the other.
 */
function nameSessionAndToken(provider: Provider, { pairwiseSalt }: { readonly pairwiseSalt: string }): void {
  const IdToken = provider.IdToken as unknown as { prototype: object }
  const issue = Reflect.get(IdToken.prototype, 'issue') as Issue
  defineMethod(IdToken, 'issue', function issueNamed(this: EngineIdToken, options: { readonly use: string }) {
    const { accessToken, source } = requestScope()
    const accountId = this.available.sub
    if (options.use === 'idtoken' && accessToken !== undefined) this.set('at_hash', accessToken)
    if (options.use === 'idtoken' && source?.sessionUid !== undefined && accountId !== undefined) {
      const sub = subjectOf(accountId, this.client, pairwiseSalt)
      this.set('sid', sessionClaim(source.sessionUid, { accountId, sub }))
    }
    return issue.call(this, options)
  })
}
