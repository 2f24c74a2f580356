import { afterEach, describe, expect, it } from 'vitest'

import type { Config } from '../../src/config/config.ts'
import { type Running, start } from '../support/start.ts'

const LOOPBACK = ['127.0.0.0/8', '::1']

describe('a header that says for whom a request is forwarded', () => {
  let app: Running | undefined
  afterEach(() => app?.close())

  async function linesAfter(headers: readonly Record<string, string>[], config: Partial<Config>): Promise<string[]> {
    const lines: string[] = []
    app = await start({ config, onLog: (line) => lines.push(line) })
    for (const each of headers) await fetch(`${app.urls[0]}/`, { headers: each })
    return lines.filter((line) => line.includes('"proxy_not_trusted"'))
  }

  it.each([
    ['x-forwarded-for', '198.51.100.7'],
    ['forwarded', 'for=198.51.100.7;proto=https'],
  ])(
    '[A5] is reported once, with the remedy, when %s comes from a peer that TRUST_PROXY does not name',
    async (name, value) => {
      const lines = await linesAfter([{}, { [name]: value }, { [name]: value }, { [name]: value }], { trustProxy: [] })

      expect(lines).toHaveLength(1)
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({
        level: 'warn',
        event: 'proxy_not_trusted',
        header: name,
        peer: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
        msg: expect.stringContaining('add it to TRUST_PROXY'),
      })
      expect(lines[0]).not.toContain('198.51.100.7')
    },
  )

  it('[A5] is not reported when it comes from a proxy that TRUST_PROXY names', async () => {
    expect(await linesAfter([{ 'x-forwarded-for': '198.51.100.7' }], { trustProxy: LOOPBACK })).toEqual([])
  })
})
