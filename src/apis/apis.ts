/** The APIs for which tokens are issued: audience, scopes with a sentence each, token format and lifetime. */

import type { ApiSettings } from '../config/config.ts'

export interface Apis {
  /** The audience of tokens for which no resource was asked; `undefined` only when there is no API. */
  readonly defaultApi: string | undefined
  findApi(audience: string): ApiSettings | undefined
  listApis(): readonly ApiSettings[]
  /** Whether a token for this audience may open /userinfo as well. */
  opensUserinfo(audience: string): boolean
  /** Every scope of every API, each once. */
  allScopes(): readonly string[]
  /** What the consent page says of a scope; the scope itself where the API has no sentence for it. */
  sentenceFor(audience: string, scope: string): string
}

export function createApis(settings: readonly ApiSettings[], defaultApi: string | undefined): Apis {
  const byAudience = new Map(settings.map((api) => [api.audience, api]))
  if (byAudience.size < settings.length) throw new TypeError('two APIs have the same audience')
  if (defaultApi !== undefined && !byAudience.has(defaultApi))
    throw new TypeError(`no API has the audience ${defaultApi}`)
  const scopes = [...new Set(settings.flatMap((api) => Object.keys(api.scopes)))]

  return {
    defaultApi,
    findApi: (audience) => byAudience.get(audience),
    listApis: () => settings,
    allScopes: () => scopes,

    opensUserinfo(audience) {
      const api = byAudience.get(audience)
      return api?.opensUserinfo === true && api.algorithm !== 'HS256'
    },

    sentenceFor(audience, scope) {
      const sentences = byAudience.get(audience)?.scopes ?? {}
      // The scope comes from a request: `constructor` must not find what every object has.
      return Object.hasOwn(sentences, scope) ? (sentences[scope] ?? scope) : scope
    },
  }
}
