/** Refreshes (RFC 6749 section 6) that ask for what was granted, no more and no less. */

import type { Provider, RefreshToken } from 'oidc-provider'

import { rotates } from '../configuration/token-lifetimes.ts'
import { createGranting, type Found, type GrantingParts } from './granted-tokens.ts'
import { type ClientParts, mustProve, plainForm, requestingClient } from './plain-form.ts'
import { atTokenEndpoint, type FastPath } from './fast-path.ts'

const GRANT_TYPE = 'refresh_token'

type Parts = GrantingParts & ClientParts

export function refreshToken(provider: Provider, parts: Parts): FastPath {
  const granting = createGranting(provider, parts)

  return {
    ...atTokenEndpoint(GRANT_TYPE),
    takesOrigins: true,

    async answerTo({ headers }, body) {
      const form = plainForm(body, ['grant_type', 'refresh_token'])
      if (form?.grant_type !== GRANT_TYPE || form.refresh_token === undefined) return undefined
      const client = requestingClient(parts, headers, form)
      if (!client?.grantTypes.includes(GRANT_TYPE) || mustProve(client)) return undefined
      const token = await provider.RefreshToken.find(form.refresh_token, { ignoreExpiration: true })
      const found = await granting.lookUp(token, client)
      if (found === undefined) return undefined
      const refreshToken = rotates(client, false) ? await rotate(found) : form.refresh_token
      return granting.issue(found, { gty: afterRefresh(found.token), refreshToken })
    },
  }

  /** The adapter consumes the token and stores its successor in one step, and says which successor that is. */
  async function rotate({ token, client }: Found<RefreshToken>): Promise<string> {
    await token.consume()
    const { accountId, acr, amr, authTime, expiresWithSession, iiat, grantId, nonce } = token
    const { resource, rotations = 0, scope, sessionUid, sid } = token
    const successor = new provider.RefreshToken({
      ...{ accountId, acr, amr, authTime, client, expiresWithSession, iiat, grantId, gty: afterRefresh(token), nonce },
      ...{ resource, rotations: rotations + 1, scope, sessionUid, sid },
    } as never)
    return successor.save()
  }
}

function afterRefresh({ gty = '' }: RefreshToken): string {
  return gty.endsWith(GRANT_TYPE) ? gty : `${gty} ${GRANT_TYPE}`
}
