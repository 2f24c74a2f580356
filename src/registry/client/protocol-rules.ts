/** The rules between the protocol settings of a client: how it authenticates, what it requests, what it gets. */

import { type Path, pathText } from '../problems.ts'
import type { ClientEntry } from './schema.ts'

/** A sentence for each broken rule. */
export function protocolProblems(entry: ClientEntry, path: Path): string[] {
  const at = (name: string) => pathText([...path, name])
  const rules: [boolean, string][] = [...authMethodRules(entry, at)]
  return rules.filter(([broken]) => broken).map(([, sentence]) => sentence)
}

type Rule = [broken: boolean, sentence: string]

function authMethodRules(entry: ClientEntry, at: (name: string) => string): Rule[] {
  const { token_endpoint_auth_method: method, accepted_auth_methods: accepted } = entry
  const usesSecret = method.startsWith('client_secret_')
  return [
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
