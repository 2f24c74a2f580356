/** Clients while the store is away: one that a server does not hold is not unknown. */

import { expect, it, onTestFinished, vi } from 'vitest'

import { within } from '../../support/figures.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import { start } from '../../support/start.ts'
import { callEndpoint, type TokenAnswer } from '../../support/user-agent.ts'

const MACHINE = { grant_types: ['client_credentials'], apis: { 'https://orders.example': ['orders:read'] } }

describeWithRedis('a server whose Redis does not answer', () => {
  it.each(['/token', '/introspect', '/revoke', '/par'])(
    'answers a client that it does not hold with 503 at %s, and knows it when Redis is back',
    async (path) => {
      const { redis, url, registration } = await opened()
      const { secret = '' } = await registration.changes.addClient({ client_id: 'not-held', ...MACHINE })
      const ask = (): Promise<TokenAnswer> =>
        callEndpoint(
          `${url}${path}`,
          { grant_type: 'client_credentials', scope: 'orders:read', token: 'x' },
          { id: 'not-held', secret },
        )

      redis.pause()
      const away = await ask()
      redis.resume()

      expect(away).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } })
      expect(away.headers.get('retry-after')).not.toBeNull()
      await vi.waitFor(async () => expect((await ask()).status).not.toBeOneOf([401, 503]), within(5000))
    },
  )

  it('never says that a client is unknown which it cannot read, also with a wrong secret', async () => {
    const { redis, url } = await opened()
    redis.pause()
    onTestFinished(() => redis.resume())

    const { status, body } = await callEndpoint(
      `${url}/token`,
      { grant_type: 'client_credentials' },
      { id: 'no-such-client', secret: 'wrong' },
    )

    expect({ status, body }).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } })
  })
})

async function opened() {
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  const app = await start({ redisUrl: redis.url })
  onTestFinished(() => app.close())
  const [node] = app.nodes
  if (node === undefined) throw new TypeError('there is one node')
  return { redis, url: app.urls[0] ?? '', registration: node.registration }
}
