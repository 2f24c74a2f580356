/**
 * How the engine's tokens become records and records tokens.
 *
 * The engine copies each property several times on the way, by `Object.defineProperty`, against names such as
 * `__proto__`; that was one request in twenty at a refresh. Here the names come from the model and not from the record,
 * so a plain copy is as safe. test/engine/model-payloads.test.ts holds both ways to the same records and tokens.
 */

import type { Provider } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../../base/clock.ts'
import type { Override } from '../override.ts'

const COPIED = ['AuthorizationCode', 'RefreshToken', 'AccessToken', 'ClientCredentials', 'Grant'] as const

export const payloads: Override<{ readonly clock: Clock }> = {
  members: COPIED.flatMap((model) => [`${model}#getValueAndPayload`, `${model}#emit`, `${model}.instantiate`] as const),
  without: 'engine',
  apply: copyPayloadsPlainly,
}

type Properties = Record<string, unknown>

interface Model {
  readonly name: string
  readonly IN_PAYLOAD: readonly string[]
  readonly prototype: object
  new (properties: Properties): Properties
}

/** A token that is stored, as the engine made it or found it. */
interface Token extends Properties {
  readonly jti: string
  readonly iat?: number
  readonly exp?: number
  /** Seconds. */
  readonly expiration: number
}

/** Runs before `jwtAccessTokens`, which issues the tokens that are not stored. */
function copyPayloadsPlainly(provider: Provider, { clock }: { readonly clock: Clock }): void {
  for (const each of COPIED) {
    const model = provider[each] as unknown as Model
    const names = new Set(model.IN_PAYLOAD)
    Reflect.set(model.prototype, 'getValueAndPayload', async function getValueAndPayload(this: Token) {
      const iat = this.iat ?? epochSeconds(clock)
      const exp = this.exp ?? iat + this.expiration
      return { value: this.jti, payload: copy(names, this, { iat, exp }) }
    })

    // The engine makes the event's name out of the model's each time.
    const events = snakeCase(model.name)
    Reflect.set(model.prototype, 'emit', function emit(this: Token, event: string) {
      provider.emit(`${events}.${event}` as 'grant.success', this as never)
    })

    Reflect.set(model, 'instantiate', function instantiate(payload: Properties) {
      const { jti, kind } = payload
      return copy(names, payload, new model({ jti, kind }))
    })
  }
}

function snakeCase(name: string): string {
  return name.replace(/(?<!^)[A-Z]/g, '_$&').toLowerCase()
}

function copy<To extends Properties>(names: ReadonlySet<string>, from: Readonly<Properties>, to: To): To {
  const target: Properties = to
  for (const name of Object.keys(from)) {
    if (names.has(name) && from[name] !== undefined) target[name] = from[name]
  }
  return to
}
