/** `grantor revoke client | everything` from a machine whose clock is wrong: the moment that it writes is the servers'. */

import { expect, it, onTestFinished } from 'vitest'

import { systemClock } from '../../src/base/clock.ts'
import { operateWith } from '../revocation/operator.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { startProcesses } from '../support/server-process.ts'
import { callEndpoint } from '../support/user-agent.ts'

const MACHINE = { id: 'demo-machine', secret: 'demo-machine-secret-not-for-production' }
const TEN_MINUTES_MS = 600_000

describeWithRedis('grantor revoke, from a machine whose clock is ten minutes behind', () => {
  it.each([
    ['client', ['client', '--yes', MACHINE.id]],
    ['everything', ['everything', '--yes']],
  ])('[B4] ends what was issued a moment ago: %s', { timeout: 60_000 }, async (_, ending) => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const running = await startProcesses({ count: 2, redisUrls: [redis.url] })
    onTestFinished(() => running.close())
    const [url = '', other = ''] = running.urls
    const asked = { grant_type: 'client_credentials', scope: 'reports:read', resource: 'https://reports.example' }
    const token = String((await callEndpoint(`${url}/token`, asked, MACHINE)).body.access_token)

    // Both servers have told the others by how much their clocks differ from that of Redis.
    await expect.poll(() => redis.cli('HLEN', 'grantor:clocks:{ck}:all'), { timeout: 20_000 }).toBe('2')

    const env = { ...running.env, REDIS_URL: redis.url }
    const said = await operateWith(
      env,
      running.dataDir,
      ['revoke', ...ending],
      '',
      () => systemClock() - TEN_MINUTES_MS,
    )

    expect(said).toMatchObject({ code: 0 })
    await expect
      .poll(async () => (await callEndpoint(`${other}/introspect`, { token }, MACHINE)).body.active, {
        timeout: 20_000,
      })
      .toBe(false)
  })
})
