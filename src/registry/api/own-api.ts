/** The server as an API of its own, which nobody has to declare: what its own endpoints take tokens for. */

import { parseDuration } from '../../base/duration.ts'
import type { ApiSettings } from './api.ts'
import { ACCESS_TOKEN } from '../duration-setting.ts'

/** Its audience is the issuer. One that the operator declares takes its place. */
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
