/** A verifier where streams do not come through: it asks for pages instead, and misses as little. */

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type FeedFixture, refusalOf, startFeedFixture, until } from './feed-fixture.ts'

type Fetch = typeof globalThis.fetch

let at: FeedFixture

beforeAll(async () => {
  at = await startFeedFixture()
})

afterAll(() => at.close())

describe('a verifier behind a proxy', () => {
  it('reads pages when the proxy makes another answer of the stream', async () => {
    const { verifier, events, asked } = at.follow({ through: asOneDocument })

    await followsByPages(verifier)

    expect(events.find(({ type }) => type === 'connected')).toEqual({ type: 'connected', by: 'pages' })
    // After the first pages only what came later.
    await until(() => /^[\da-f]+-\d+$/.test(asked.at(-1)?.after ?? ''))
    expect(events.some(({ type }) => type === 'reset')).toBe(false)
  })

  it('reads pages when the proxy holds the stream back until it is complete', async () => {
    const { verifier, events } = at.follow({ through: heldBack })
    await expect(verifier.prepare()).rejects.toMatchObject({ code: 'verifier_unavailable' })
    await until(() => events.some(({ type }) => type === 'current'))

    await followsByPages(verifier)

    expect(events.find(({ type }) => type === 'connected')).toEqual({ type: 'connected', by: 'pages' })
  })

  it('reads all pages of a long log before it says that it knows everything', async () => {
    for (let i = 0; i < 520; i++) await at.publish({ jti: `made-up-${i}` })
    const token = await at.machineToken()
    await at.publish({ jti: idOf(token) })

    const { verifier, asked } = at.follow({ through: asOneDocument })
    await verifier.prepare()

    expect(await refusalOf(verifier, token)).toBe('token_revoked')
    expect(asked.filter(({ accept }) => accept === 'application/json').length).toBeGreaterThan(1)
  })
})

async function followsByPages(verifier: Parameters<typeof refusalOf>[0]): Promise<void> {
  const token = await at.machineToken()
  await expect(verifier.verify(token)).resolves.toBeDefined()
  await at.publish({ jti: idOf(token) })
  await until(async () => (await refusalOf(verifier, token)) === 'token_revoked')
}

function asOneDocument(fetch: Fetch): Fetch {
  return async function fetchAsOneDocument(input, init) {
    if (!wantsStream(init)) return fetch(input, init)
    return new Response('<html>', { headers: { 'content-type': 'text/html' } })
  }
}

/** Headers come, and then nothing. */
function heldBack(fetch: Fetch): Fetch {
  return async function fetchHeldBack(input, init) {
    if (!wantsStream(init)) return fetch(input, init)
    const body = new ReadableStream({
      start(controller) {
        init?.signal?.addEventListener('abort', () => controller.error(new Error('aborted')))
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
}

function wantsStream(init: RequestInit | undefined): boolean {
  return new Headers(init?.headers).get('accept') === 'text/event-stream'
}

function idOf(token: string): string {
  return decodeJwt(token).jti ?? ''
}
