/** The rules between the protocol settings of a client: how it authenticates, what it requests, what it gets. */

import { type Path, pathText } from '../problems.ts'
import type { ClientEntry } from './schema.ts'

/** A sentence for each broken rule. */
export function protocolProblems(entry: ClientEntry, path: Path): string[] {
  const at = (name: string) => pathText([...path, name])
  const rules = [...authMethodRules(entry, at), ...scopeRules(entry, at)]
  return rules.filter(([broken]) => broken).map(([, sentence]) => sentence)
}

/** `path` completes the name of a setting. */
function scopeRules(entry: ClientEntry, at: (name: string) => string): Rule[] {
  const withCode = entry.grant_types.includes('authorization_code')
  const all = [...(entry.scopes ?? (withCode ? ['openid'] : [])), ...Object.values(entry.apis).flat()]
  const foreign = entry.default_scopes?.find((scope) => !all.includes(scope))
  const withoutScope = entry.id_token_claims.find((scope) => !entry.scopes?.includes(scope))
  return [
    [
      foreign !== undefined,
      `${at('default_scopes')} has ${foreign}, which stands neither in scopes nor under apis; add it there.`,
    ],
    [
      withoutScope !== undefined,
      `${at('id_token_claims')} has ${withoutScope}, which scopes does not have, so it is never granted; add it there.`,
    ],
    [
      entry.require_pushed_authorization_requests && !withCode,
      `${at('require_pushed_authorization_requests')} is true, but grant_types has no authorization_code; remove it or add the grant type.`,
    ],
  ]
}

type Rule = [broken: boolean, sentence: string]

function authMethodRules(entry: ClientEntry, at: (name: string) => string): Rule[] {
  const { token_endpoint_auth_method: method, accepted_auth_methods: accepted } = entry
  const usesSecret = method.startsWith('client_secret_')
  return [
    [
      entry.assertion_audience !== 'issuer' && method !== 'private_key_jwt',
      `${at('assertion_audience')} is set, but only private_key_jwt uses it; remove it.`,
    ],
    [
      accepted !== undefined && !usesSecret,
      `${at('accepted_auth_methods')} is set, but ${method} uses no secret; remove it.`,
    ],
    [
      accepted !== undefined && usesSecret && !accepted.some((one) => one === method),
      `${at('accepted_auth_methods')} does not have ${method}, which is the token_endpoint_auth_method; add it or change that.`,
    ],
  ]
}
