/**
 * Redemptions of codes (RFC 6749 section 4.1.3) with PKCE (RFC 7636).
 *
 * Where a refresh token follows, the code is consumed and the refresh token stored in one step, so no crash falls
 * between them; the engine can only do one after the other.
 */

import { hash, timingSafeEqual } from 'node:crypto'
import type { AuthorizationCode, Provider } from 'oidc-provider'

import type { ClientSettings } from '../../config/config.ts'
import { requestScope } from '../request/scope.ts'
import { createGranting, type Found, type GrantingParts } from './granted-tokens.ts'
import { type ClientParts, mustProve, type PlainForm, plainForm, requestingClient } from './plain-form.ts'
import { atTokenEndpoint, type FastPath } from './fast-path.ts'

const GRANT_TYPE = 'authorization_code'
/** RFC 7636 section 4.1. */
const VERIFIER = /^[\w.~-]{43,128}$/

type Parts = GrantingParts & ClientParts

export function authorizationCode(provider: Provider, parts: Parts): FastPath {
  const granting = createGranting(provider, parts)

  return {
    ...atTokenEndpoint(GRANT_TYPE),
    takesOrigins: true,

    async answerTo({ headers }, body) {
      const form = plainForm(body, ['grant_type', 'code', 'redirect_uri', 'code_verifier'])
      if (form?.grant_type !== GRANT_TYPE) return undefined
      if (form.code === undefined || form.redirect_uri === undefined) return undefined
      const client = requestingClient(parts, headers, form)
      if (!client?.grantTypes.includes(GRANT_TYPE) || mustProve(client)) return undefined
      const code = await provider.AuthorizationCode.find(form.code, { ignoreExpiration: true })
      const found = await granting.lookUp(code, client)
      if (found === undefined || !opens(found.token, form)) return undefined
      const refreshToken = await spend(found, client)
      return granting.issue(found, { gty: GRANT_TYPE, refreshToken })
    },
  }

  /** Consumes the code; the refresh token that follows it, where this client gets one. */
  async function spend(found: Found<AuthorizationCode>, { grantTypes }: ClientSettings): Promise<string | undefined> {
    const { source } = requestScope()
    if (source === undefined) throw new TypeError('a code that was not looked up')
    source.hasSuccessor = grantTypes.includes('refresh_token')
    await found.token.consume()
    return source.hasSuccessor ? newRefreshToken(found).save() : undefined
  }

  function newRefreshToken({ token, client }: Found<AuthorizationCode>) {
    const { accountId, acr, amr, authTime, expiresWithSession, grantId, nonce } = token
    const { resource, scope, sessionUid, sid } = token
    return new provider.RefreshToken({
      ...{ accountId, acr, amr, authTime, client, expiresWithSession, grantId, gty: GRANT_TYPE, nonce },
      ...{ resource, rotations: 0, scope, sessionUid, sid },
    } as never)
  }
}

/** Whether this form comes from the client that the code was issued to, with the same redirect URI. */
function opens({ redirectUri, codeChallenge, codeChallengeMethod }: AuthorizationCode, form: PlainForm): boolean {
  if (form.redirect_uri !== redirectUri) return false
  if (codeChallenge === undefined || codeChallengeMethod !== 'S256') return false
  if (form.code_verifier === undefined || !VERIFIER.test(form.code_verifier)) return false
  const given = Buffer.from(hash('sha256', form.code_verifier, 'base64url'))
  const due = Buffer.from(codeChallenge)
  return given.length === due.length && timingSafeEqual(given, due)
}
