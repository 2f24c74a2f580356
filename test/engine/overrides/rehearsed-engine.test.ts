/** Runs inside of rehearsal.test.ts only, with a copy of the engine in the place of the one that is installed. */

import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { start } from '../../support/start.ts'

describe('a server on an engine that it was not made for', () => {
  it('turns the fast path off, and says so in one line that names each difference', async () => {
    const lines: string[] = []
    const app = await start({ onLog: (line) => void lines.push(line) })
    onTestFinished(() => app.close())
    const [node] = app.nodes

    await node?.keyring.rotate(undefined)

    await vi.waitFor(() => expect(lines.join()).toContain('key_ring_in_use'))
    const off = lines.filter((line) => line.includes('fast_path_off'))
    expect(off).toHaveLength(1)
    expect(off[0]).toContain('AccessToken: unknown x5t#S512')
    expect(off[0]).toContain('AccessToken.instantiate: missing, so payloads is left to the engine')
  })
})
