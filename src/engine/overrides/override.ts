/**
 * A member of oidc-provider that we replace, and how to find it in the installed engine.
 *
 * oidc-provider has no hook for these. The members are not part of its public interface, so a release may rename or
 * change them. test/engine/overrides/ compares each with the recorded one, and the server does not start without it.
 */

import { type KoaContextWithOIDC, Provider } from 'oidc-provider'

type Model =
  | 'AccessToken'
  | 'AuthorizationCode'
  | 'BaseModel'
  | 'Client'
  | 'ClientCredentials'
  | 'Grant'
  | 'IdToken'
  | 'OIDCContext'
  | 'Provider'
  | 'RefreshToken'
  | 'ReplayDetection'
  | 'Session'

/** `Client#x` is a member of every client, `IdToken.x` one of the class itself. */
export type MemberName = `${Model}${'#' | '.'}${string}`

export interface Override<Parts = object> {
  readonly members: readonly MemberName[]
  /** Accessors that the engine does not have and whose values it sets on each object. */
  readonly adds?: readonly MemberName[]
  /** Replaced in a class of our own that extends the engine's, because the engine calls it as it is built. */
  readonly extended?: readonly MemberName[]
  /** Where a member is missing: nothing may be served, or the engine's own way is as right, only slower. */
  readonly without: 'refuse' | 'engine'
  apply(this: void, provider: Provider, parts: Parts): void
}

/** The member of the installed engine, inherited or own; `undefined` when there is none. */
export function findMember(provider: Provider, name: MemberName): PropertyDescriptor | undefined {
  const [, model = '', separator, member = ''] = /^(\w+)([#.])(.+)$/.exec(name) ?? []
  const type = classOf(provider, model)
  for (let holder: object | null = (separator === '#' ? type?.prototype : type) ?? null; holder !== null; ) {
    const found = Reflect.getOwnPropertyDescriptor(holder, member)
    if (found !== undefined) return found
    holder = Reflect.getPrototypeOf(holder)
  }
  return undefined
}

type ModelClass = { readonly prototype: object }

function classOf(provider: Provider, model: string): ModelClass | undefined {
  if (model === 'Provider') return Provider
  return model === 'BaseModel' ? baseModel(provider) : (Reflect.get(provider, model) as ModelClass | undefined)
}

/** The class that all models extend, which the engine does not hand out. */
export function baseModel(provider: Provider): ModelClass {
  return Object.getPrototypeOf(provider.Session) as ModelClass
}

export function defineMethod(model: { prototype: object }, name: string, method: (...args: never[]) => unknown): void {
  Object.defineProperty(model.prototype, name, { value: method, configurable: true, writable: true })
}

type Params = NonNullable<KoaContextWithOIDC['oidc']['params']>
type EngineContext = KoaContextWithOIDC['oidc']

/** Changes the parameters of each request as the engine takes them, after what another override did before. */
export function onParams(provider: Provider, change: (context: EngineContext, params: Params) => void): void {
  const kept = Symbol('the parameters of a request')
  const { prototype } = provider.OIDCContext as { prototype: object }
  const before = Reflect.getOwnPropertyDescriptor(prototype, 'params')
  Object.defineProperty(prototype, 'params', {
    configurable: true,
    get(this: EngineContext) {
      return (before?.get === undefined ? Reflect.get(this, kept) : before.get.call(this)) as Params
    },
    set(this: EngineContext, params: Params) {
      change(this, params)
      if (before?.set === undefined) Reflect.set(this, kept, params)
      else before.set.call(this, params)
    },
  })
}
