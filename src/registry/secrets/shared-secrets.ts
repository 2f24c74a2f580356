/** Secrets that APIs share with the server (HS256): each is for one API, and for nothing else. */

import { hashHandle } from '../../base/sealing.ts'
import type { ApiEntry } from '../api/rules.ts'
import type { ApiSettings } from '../api/api.ts'
import type { ClientSettings } from '../client/client.ts'
import { type Placed, pathText, shown } from '../problems.ts'

interface Declared {
  readonly issuer: string
  readonly apis: readonly ApiSettings[]
  readonly clients: readonly ClientSettings[]
}

/** Every holder of a secret can sign tokens with it, so it must be valid for one API only. */
export function sharedSecretProblems(
  placed: readonly Placed<Pick<ApiEntry, 'audience'>>[],
  declared: Declared,
): string[] {
  return placed.flatMap(({ path, entry }) => {
    const api = declared.apis.find(({ audience }) => audience === entry.audience)
    if (api?.algorithm !== 'HS256') return []
    const at = pathText([...path, 'token'])
    if (api.audience === declared.issuer) {
      return [`${at}.algorithm is HS256, but this audience is the server itself; choose an algorithm with a key pair.`]
    }
    const { secret } = api
    return secret === undefined ? [] : secondUses(`${at}.secret`, api.audience, secret, declared)
  })
}

function secondUses(at: string, audience: string, secret: Uint8Array, { apis, clients }: Declared): string[] {
  const others = apis.filter((api) => api.audience !== audience && isSame(api.secret, secret))
  const hashes = new Set(spellings(secret).map(hashHandle))
  const owners = clients.filter(({ secretHash }) => secretHash !== undefined && hashes.has(secretHash))
  return [
    ...others.map((api) => `${at} is also that of ${shown(api.audience)}; each API wants a secret of its own.`),
    ...owners.map((client) => `${at} is also that of the client ${shown(client.clientId)}; each wants one of its own.`),
  ]
}

function isSame(some: Uint8Array | undefined, other: Uint8Array): boolean {
  return some !== undefined && Buffer.from(some).equals(other)
}

/** As a client could have it: a client's secret is a text, and only its hash is kept. */
function spellings(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret)
  const base64 = bytes.toString('base64')
  const hex = bytes.toString('hex')
  return [base64, base64.replace(/=+$/, ''), bytes.toString('base64url'), hex, hex.toUpperCase()]
}
