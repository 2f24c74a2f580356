/** A disk that fills up under a server: what it still does, what it refuses, and how it comes back. */

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'

import { aSmallDisk, describeWithSmallDisk, fill } from '../../support/small-disk.ts'
import { start } from '../../support/start.ts'
import { createUserAgent, newPkce, redeem, refresh, signIn } from '../../support/user-agent.ts'
import { within } from '../../support/figures.ts'

describeWithSmallDisk('[B23] a server whose disk is full', () => {
  it('issues nothing and says why, takes revocations, and is well again without a restart', async () => {
    const disk = await aSmallDisk(24)
    const app = await start({ config: { dataDir: join(disk, 'data') } })
    onTestFinished(() => app.close())
    const families: string[] = []
    for (let i = 0; i < 3; i++) {
      const pkce = newPkce()
      const callback = await signIn(createUserAgent(app), pkce)
      families.push(String((await redeem(app.issuer, callback.get('code') ?? '', pkce)).body.refresh_token))
    }
    const readiness = async () => {
      const answer = await fetch(`${app.nodes[0]?.opsUrl}/health/ready`)
      return { status: answer.status, ...((await answer.json()) as { problem?: string }) }
    }
    await vi.waitFor(async () => expect(await readiness()).toMatchObject({ status: 'ok' }), within(10_000))
    await vi.waitFor(async () => expect(await readdir(join(disk, 'data'))).toContain('grantor.reserve'), within(10_000))

    await fill(disk)
    await vi.waitFor(async () => expect((await readiness()).problem).toContain('MB left'), within(10_000))

    expect((await refresh(app.issuer, families[0] as string)).status).toBe(503)
    for (const token of families) expect(await revoke(app.issuer, token)).toBe(200)

    await rm(join(disk, 'filler'))
    await vi.waitFor(async () => expect(await readiness()).toMatchObject({ status: 'ok' }), within(10_000))
    for (const token of families) {
      expect((await refresh(app.issuer, token)).body).toMatchObject({ error: 'invalid_grant' })
    }
    const pkce = newPkce()
    const callback = await signIn(createUserAgent(app), pkce)
    expect((await redeem(app.issuer, callback.get('code') ?? '', pkce)).status).toBe(200)
  })
})

async function revoke(issuer: string, token: string): Promise<number> {
  const body = new URLSearchParams({ client_id: 'demo-spa', token })
  return (await fetch(`${issuer}/revoke`, { method: 'POST', body })).status
}
