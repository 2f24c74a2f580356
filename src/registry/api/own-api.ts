/** The server itself as an API, which needs no declaration: the tokens that its own endpoints accept. */

import { parseDuration } from '../../base/duration.ts'
import type { ApiSettings } from './api.ts'
import { ACCESS_TOKEN } from '../duration-setting.ts'

/** Its audience is the issuer. A declaration by the operator replaces it. */
export function ownApi(issuer: string): ApiSettings {
  return {
    audience: issuer,
    name: 'Grantor',
    scopes: { 'revocations:read': 'Learn which tokens have been revoked' },
    tokenFormat: 'jwt',
    // Every ring has a key for it.
    algorithm: 'RS256',
    secret: undefined,
    accessTokenSeconds: parseDuration(ACCESS_TOKEN.default),
    opensUserinfo: true,
    introspectedBy: [],
  }
}
