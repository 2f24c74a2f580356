import { expect, it, onTestFinished } from 'vitest'

import { CLOCKS_DIFFER_MS } from '../../../src/store/expiry.ts'
import { describeWithRedis, startRedis } from '../../support/redis.ts'
import { start } from '../../support/start.ts'
import { createUserAgent, newPkce, redeem, signIn } from '../../support/user-agent.ts'

describeWithRedis('an authorization code in Redis', () => {
  it('[B4] outlives a failover to a Redis whose clock is ahead, until it is used', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const app = await start({ redisUrl: redis.url })
    onTestFinished(() => app.close())
    const pkce = newPkce()
    const code = (await signIn(createUserAgent(app), pkce)).get('code') ?? ''
    const key = (await redis.cli('--scan', '--pattern', '*code:{*')).split('\n').at(-1) ?? ''

    expect(Number(await redis.cli('PTTL', key))).toBeGreaterThan(CLOCKS_DIFFER_MS)

    expect((await redeem(app.issuer, code, pkce)).status).toBe(200)
    expect(Number(await redis.cli('PTTL', key))).toBeLessThanOrEqual(90_000)
    expect(Number(await redis.cli('PTTL', key))).toBeGreaterThan(30_000)
  })
})
