/**
 * Everything that the engine dates, by our clock.
 *
 * The engine asks the system for the time in each of its models. A server whose clock is moved (the test kit does so) would
 * issue tokens that are dated by one clock and judged by another. So the models ask ours.
 *
 * What still goes by the system's clock is judged by it, too: the time in a DPoP proof that has no nonce, the nonces
 * themselves, and how long a client's keys are kept. test/engine/engine-clock.test.ts lists every such place.
 */

import type { Provider } from 'oidc-provider'

import { type Clock, epochSeconds } from '../../../base/clock.ts'
import { CLOCK_TOLERANCE_SECONDS } from '../../clock-tolerance.ts'
import { baseModel, type Override } from '../override.ts'

/** The members that all models inherit from the base model. */
export const modelDates: Override<{ readonly clock: Clock }> = {
  members: ['BaseModel#isExpired', 'BaseModel#remainingTTL', 'BaseModel.verify', 'BaseModel#save'],
  without: 'refuse',
  apply: (provider, { clock }) => dateModels(provider, () => epochSeconds(clock)),
}

type Now = () => number

interface Record {
  jti?: string
  iat?: number
  exp?: number
}

interface Model extends Record {
  readonly expiration: number
  readonly adapter: { upsert(id: string, payload: object, ttlSeconds: number): Promise<void> }
  generateTokenId(): string
  getValueAndPayload(): Promise<{ value: string; payload?: object }>
  emit(event: string): void
  save(ttlSeconds: number): Promise<string>
}

function dateModels(provider: Provider, now: Now): void {
  const base = baseModel(provider) as { prototype: Model }
  define(base.prototype, 'isExpired', { get: (model: Model) => (model.exp ?? 0) <= now() })
  define(base.prototype, 'remainingTTL', {
    get: (model: Model) => (model.exp === undefined ? model.expiration : model.exp - now()),
  })

  Reflect.set(base, 'verify', async function verify(stored: Record, options: { ignoreExpiration?: boolean } = {}) {
    const isOver = stored.exp !== undefined && now() - CLOCK_TOLERANCE_SECONDS >= stored.exp
    if (isOver && options.ignoreExpiration !== true) throw new Error('expired')
    return stored
  })

  Reflect.set(base.prototype, 'save', async function save(this: Model, ttlSeconds: number) {
    this.jti ??= this.generateTokenId()
    const seconds = dated(this, ttlSeconds)
    const { value, payload } = await this.getValueAndPayload()
    if (payload === undefined) {
      this.emit('issued')
    } else {
      await this.adapter.upsert(this.jti, payload, seconds)
      this.emit('saved')
    }
    return value
  })

  /** Tokens say themselves how long they live. Of a sign-in the engine counts what is left by the system's clock. */
  function dated(model: Model, ttlSeconds: number): number {
    if (typeof Reflect.get(model.constructor, 'expiresIn') === 'function') return ttlSeconds
    model.iat ??= now()
    const isKept = model instanceof provider.Interaction && model.exp !== undefined
    if (isKept) return Math.max(1, (model.exp ?? 0) - now())
    model.exp = now() + ttlSeconds
    return ttlSeconds
  }
}

function define(prototype: object, name: string, { get }: { get: (model: Model) => unknown }): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    get(this: Model) {
      return get(this)
    },
  })
}
