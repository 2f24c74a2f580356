/** A reader that takes nothing costs a page, whatever is published meanwhile, and gets all of it once it reads. */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'

import type { App } from '../../src/app.ts'
import { start } from '../support/start.ts'
import { feedToken, writer, readFeed } from './revocation-reader.ts'

const ENTRIES = 20_000
const AT_ONCE = 1000
/** So long that all of them together are far more than the sockets between the two take: 20 MB. */
const LONG = 'x'.repeat(1000)

it('a reader that does not read holds one page in memory, and gets all entries in order when it reads', async () => {
  const responses = new Set<ServerResponse>()
  const note = (message: unknown) => void responses.add((message as { response: ServerResponse }).response)
  subscribe('http.server.response.created', note)
  const app = await start()
  onTestFinished(() => {
    unsubscribe('http.server.response.created', note)
    return app.close()
  })
  const log = writer((app.nodes[0] as App).store)
  const token = await feedToken(app)
  const slow = await readFeed(app.urls[0] ?? '', token)
  slow.pause()
  const quick = await readFeed(app.urls[0] ?? '', token)

  let most = 0
  for (let first = 0; first < ENTRIES; first += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, at) => first + at)
    await Promise.all(numbers.map((number) => log.publish({ gid: `${LONG}-${number}` })))
    for (const response of responses) most = Math.max(most, response.writableLength)
  }
  // The slow reader delays no other.
  await quick.until('the other has all', () => quick.revoked().length === ENTRIES, 25_000)
  for (const response of responses) most = Math.max(most, response.writableLength)
  expect(slow.revoked().length).toBeLessThan(ENTRIES / 2)
  expect(most).toBeGreaterThan(100_000)
  expect(most).toBeLessThan(1_500_000)

  slow.resume()

  await slow.until('it has all', () => slow.revoked().length >= ENTRIES, 25_000)
  const inOrder = Array.from({ length: ENTRIES }, (_, number) => `${LONG}-${number}`)
  expect(slow.revoked()).toEqual(inOrder)
  expect(slow.events.map(({ event }) => event)).not.toContain('reset')
}, 90_000)
