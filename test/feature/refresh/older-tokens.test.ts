/** Refresh tokens issued before the moment was part of a token. */

import { expect, it, onTestFinished } from 'vitest'

import { grantIdIn, handleKey } from '../../../src/engine/adapter/handles.ts'
import { keys } from '../../../src/store/keys.ts'
import type { Key } from '../../../src/store/store.ts'
import { movableClock } from '../../support/movable-clock.ts'
import { newCode, post, redemption, signedIn } from '../../support/requests.ts'
import { type Running, start } from '../../support/start.ts'
import { refresh } from '../../support/user-agent.ts'

const OLDER = /^r[\w-]{67}$/
const NEW = /^r[\w-]{24}[0-9a-f]{7}[\w-]{43}$/

it('give a successor once, and their reuse ends the grant like that of any other', async () => {
  const clock = movableClock()
  const app = await start({ clock })
  onTestFinished(() => app.close())
  const { body } = await post(`${app.issuer}/token`, redemption(await newCode(await signedIn(app))))
  const token = await storedAsOlder(app, String(body.refresh_token))
  expect(token).toMatch(OLDER)

  const first = await refresh(app.issuer, token)
  expect(first.body).toMatchObject({ refresh_token: expect.stringMatching(NEW) })
  clock.moveSeconds(60)
  const second = await refresh(app.issuer, String(first.body.refresh_token))
  expect(second.body).toMatchObject({ refresh_token: expect.stringMatching(NEW) })

  const again = await refresh(app.issuer, token)
  expect(again.body.error).toBe('invalid_grant')
  const last = await refresh(app.issuer, String(second.body.refresh_token))
  expect(last.body.error).toBe('invalid_grant')
})

/** Stores the token's entry again as it was kept before, and gives the token that belongs to it. */
async function storedAsOlder(app: Running, token: string): Promise<string> {
  const [, grantId = '', random = ''] = /^r([\w-]{24})[0-9a-f]{7}([\w-]{43})$/.exec(token) ?? []
  const older = `r${grantId}${random}`
  expect(grantIdIn(older)).toBe(grantId)
  const store = app.nodes[0]?.store
  const entry = await store?.get(handleKey('RefreshToken', token) as Key)
  // The nonce is sealed for its place.
  const { sealedNonce: _, ...payload } = JSON.parse(entry?.value ?? '{}') as Record<string, unknown>
  const refs = [keys.grant(grantId), keys.session(String(payload.sessionUid))]
  const placing = { refs, memberOf: keys.grantMembers(grantId), ttlSeconds: 86_400 }
  await store?.put(handleKey('RefreshToken', older) as Key, JSON.stringify(payload), placing)
  await store?.remove([handleKey('RefreshToken', token) as Key])
  return older
}
