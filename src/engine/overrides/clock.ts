/**
 * Everything that the engine dates, by our clock.
 *
 * The engine asks the system for the time in each of its models. Whoever moves the clock of a server (the test kit does)
 * would get tokens that are dated by another than the one that judges them. So the models ask ours.
 *
 * What still goes by the system's clock is judged by it, too: the time in a DPoP proof that has no nonce, the nonces
 * themselves, and how long a client's keys are kept. test/engine/engine-clock.test.ts lists every such place.
 */

import type { Provider } from 'oidc-provider'

import { type Clock, epochSeconds, systemClock } from '../../base/clock.ts'
import { CLOCK_TOLERANCE_SECONDS } from '../clock-tolerance.ts'

interface Record {
  jti?: string
  iat?: number
  exp?: number
}

interface Model extends Record {
  readonly expiration: number
  readonly loginTs?: number
  readonly adapter: { upsert(id: string, payload: object, ttlSeconds: number): Promise<void> }
  generateTokenId(): string
  getValueAndPayload(): Promise<{ value: string; payload?: object }>
  emit(event: string): void
  save(ttlSeconds: number): Promise<string>
}

export function followClock(provider: Provider, clock: Clock): void {
  const now = () => epochSeconds(clock)
  dateModels(provider, now)
  dateSessions(provider, now)
  dateRefreshTokens(provider, now)
  if (clock !== systemClock) dateIdTokens(provider, now)
}

type Now = () => number

/** What all models have from the one that they extend. */
function dateModels(provider: Provider, now: Now): void {
  const base = Object.getPrototypeOf(provider.Session) as { prototype: Model }
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

function dateSessions(provider: Provider, now: Now): void {
  const { prototype } = provider.Session as unknown as { prototype: Model }
  Reflect.set(prototype, 'persist', function persist(this: Model) {
    return this.save((this.exp ?? 0) - now())
  })
  Reflect.set(prototype, 'past', function past(this: Model, age: number) {
    return this.loginTs === undefined || now() - this.loginTs > Number(age)
  })
}

/** When the first of its line was issued: its constructor would ask the system, unless there is a value already. */
function dateRefreshTokens(provider: Provider, now: Now): void {
  const { prototype } = provider.RefreshToken as { prototype: object }
  Object.defineProperty(prototype, 'iiat', {
    configurable: true,
    get(this: Model & { iiat: number }) {
      this.iiat = this.iat ?? now()
      return this.iiat
    },
    set(this: object, value: number) {
      Object.defineProperty(this, 'iiat', { value, configurable: true, enumerable: true, writable: true })
    },
  })
  Reflect.set(prototype, 'totalLifetime', function totalLifetime(this: { readonly iiat: number }) {
    return now() - this.iiat
  })
}

/** The engine adds a lifetime to the system's time when it signs, so the lifetime is told with the difference. */
function dateIdTokens(provider: Provider, now: Now): void {
  const IdToken = provider.IdToken as unknown as {
    prototype: { payload(): Promise<Record> }
    expiresIn(...about: unknown[]): number
  }
  const expiresIn = IdToken.expiresIn.bind(IdToken)
  IdToken.expiresIn = (...about) => expiresIn(...about) + now() - epochSeconds(systemClock)
  const payload = Reflect.get(IdToken.prototype, 'payload') as () => Promise<Record>
  IdToken.prototype.payload = async function datedPayload() {
    return { iat: now(), ...(await payload.call(this)) }
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
