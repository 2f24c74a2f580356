import { expect, it, onTestFinished } from 'vitest'

import { movableClock } from '../support/movable-clock.ts'
import { start } from '../support/start.ts'

it('[B24] the audit trail is kept for as long as the configuration says, 90 days unless it says otherwise', async () => {
  const clock = movableClock(Date.now())
  const usual = await start({ clock })
  onTestFinished(() => usual.close())
  const brief = await start({ clock, config: { lifetimes: { ...usual.config.lifetimes, auditSeconds: 3600 } } })
  onTestFinished(() => brief.close())
  const events = async ({ nodes }: typeof usual) => (await nodes[0]?.audit.read(undefined, 10))?.length
  expect(usual.config.lifetimes.auditSeconds).toBe(90 * 86_400)
  expect(await events(brief)).toBeGreaterThan(0)

  clock.moveSeconds(3600)

  expect(await events(brief)).toBe(0)
  expect(await events(usual)).toBeGreaterThan(0)
})
