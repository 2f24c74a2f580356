/** What is stored of a token, and what becomes of it when it is read, is what the engine would make of it. */

import { Provider } from 'oidc-provider'
import { describe, expect, it } from 'vitest'

import { systemClock } from '../../src/base/clock.ts'
import { payloads } from '../../src/engine/overrides/tokens/payloads.ts'
import { createMapAdapters } from '../support/map-adapter.ts'

const MODELS = ['AuthorizationCode', 'RefreshToken', 'AccessToken', 'ClientCredentials', 'Grant'] as const

interface Token extends Record<string, unknown> {
  emit(event: string): void
  getValueAndPayload(): Promise<{ value: string; payload: Record<string, unknown> }>
}
interface Model {
  readonly IN_PAYLOAD: readonly string[]
  new (properties: Record<string, unknown>): Token
  instantiate(payload: Record<string, unknown>): Token
}

describe.each(MODELS)('%s', (name) => {
  const engines = modelOf(theEngine(), name)
  const ours = modelOf(withPlainCopies(theEngine()), name)
  // A value under every name that the model stores, and some under names that it does not.
  const everything = {
    ...Object.fromEntries(engines.IN_PAYLOAD.map((property) => [property, `a ${property}`])),
    ...{ kind: name, iat: 1_000, exp: 2_000, extra: undefined, foreign: 'left out', constructor: 'left out' },
  }

  it('is stored with the properties that the engine stores', async () => {
    expect(await stored(new ours(everything))).toEqual(await stored(new engines(everything)))
  })

  it('is stored without what is undefined', async () => {
    const sparse = { kind: name, jti: 'a-name', iat: 1_000, exp: 2_000, scope: undefined }

    expect(Object.keys(await stored(new ours(sparse))).sort()).toEqual(
      Object.keys(await stored(new engines(sparse)))
        .filter((property) => property !== 'extra')
        .sort(),
    )
  })

  it('is dated when it has no date of its own', async () => {
    const undated = { kind: name, jti: 'a-name', expiresIn: 60 }

    const before = Math.floor(Date.now() / 1000)
    const { iat, exp } = await stored(new ours(undated))
    const after = Math.ceil(Date.now() / 1000)

    expect(exp).toBe(Number(iat) + 60)
    expect(before <= Number(iat) && Number(iat) <= after).toBe(true)
  })

  it('is read as the engine reads it', () => {
    expect({ ...ours.instantiate(everything) }).toEqual({ ...engines.instantiate(everything) })
  })

  it('tells of itself under the name that the engine uses', () => {
    expect(eventOf(withPlainCopies(theEngine()), name)).toBe(eventOf(theEngine(), name))
  })

  it('is not read from the record of another model', () => {
    expect(() => ours.instantiate({ ...everything, kind: 'Session' })).toThrow('kind mismatch')
  })

  it('takes nothing from a record that is named like what every object has', () => {
    const record = JSON.parse('{"__proto__":{"scope":"stolen"},"jti":"a-name"}') as Record<string, unknown>

    expect(ours.instantiate(record).scope).toBeUndefined()
  })
})

/** What listeners hear when a token of this model is used. */
function eventOf(provider: Provider, name: (typeof MODELS)[number]): string | symbol | undefined {
  let heard: string | symbol | undefined
  Reflect.set(provider, 'emit', (event: string | symbol) => {
    heard = event
  })
  ;new (modelOf(provider, name))({ kind: name }).emit('consumed')
  return heard
}

async function stored(token: Token): Promise<Record<string, unknown>> {
  token.format = 'opaque'
  return (await token.getValueAndPayload()).payload
}

function theEngine(): Provider {
  return new Provider('https://issuer.example', {
    adapter: createMapAdapters(),
    cookies: { keys: ['a key of the test'] },
    jwks: { keys: [] },
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  })
}

function withPlainCopies(provider: Provider): Provider {
  payloads.apply(provider, { clock: systemClock })
  return provider
}

function modelOf(provider: Provider, name: (typeof MODELS)[number]): Model {
  return provider[name] as unknown as Model
}
