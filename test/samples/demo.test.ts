import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

import { createSteps, must } from '../../src/samples/demo/steps.ts'
import { startServer } from '../../src/samples/demo/server-process.ts'
import { walk } from '../../src/samples/demo/walk.ts'
import { SAMPLE_PORTS, startSamples } from '../../src/samples/start.ts'
import { freePort } from '../support/start.ts'

describe('the demo', () => {
  // Other tests of this machine start servers in the common folder for temporary files.
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'grantor-demo-test-'))
    vi.stubEnv('TMPDIR', folder)
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true, force: true })
  })

  it('walks every flow and every refusal without a failure, and leaves nothing behind', {
    timeout: 60_000,
  }, async () => {
    const lines: string[] = []

    const { passed, failed } = await walk((line) => lines.push(line), new AbortController().signal)

    expect(lines.filter((line) => line.includes('✗'))).toEqual([])
    expect(failed).toBe(0)
    expect(passed).toBeGreaterThanOrEqual(65)
    expect(await readdir(folder)).toEqual([])
  })

  it('stops in the middle when it is told to, and leaves nothing behind', async () => {
    const stopped = new AbortController()
    const print = (line: string) => line.includes('code + PKCE') && stopped.abort(new Error('enough'))

    await expect(walk(print, stopped.signal)).rejects.toThrow('enough')

    expect(await readdir(folder)).toEqual([])
  })

  it('says what the server said when it does not start', async () => {
    await expect(startServer('{ "nonsense": 1 }')).rejects.toThrow(/did not start[\s\S]*nonsense/)
  })
})

describe('steps', () => {
  it('counts a failure, leaves out the rest of its flow, and continues with the next', async () => {
    const lines: string[] = []
    const { flow, step, tally } = createSteps((line) => lines.push(line.trim()))

    await flow('first', async () => {
      await step('good', async (say) => say('fine'))
      await step('bad', async () => must(false, 'it is not so'))
      await step('never', async () => undefined)
    })
    await flow('second', async () => {
      throw new Error('no step')
    })
    await flow('third', () => step('good', async () => undefined))

    expect(lines.map((line) => line.replace(/ +/g, ' '))).toEqual([
      'first',
      '✓ good fine',
      '✗ bad it is not so',
      'second',
      '✗ between two steps no step',
      'third',
      '✓ good',
    ])
    expect(tally()).toEqual({ passed: 2, failed: 2 })
  })
})

describe('starting the samples', () => {
  it('says which port is taken, and stops what it had started', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const taken = (other.address() as AddressInfo).port
    const orders = await freePort()
    const ports = { ...SAMPLE_PORTS, orders, inventory: taken }

    const started = startSamples({ issuer: 'http://localhost:1', ports })

    await expect(started).rejects.toThrow(`Port ${taken}, where the Inventory API should listen, is taken.`)
    await expect(fetch(`http://127.0.0.1:${orders}`)).rejects.toThrow()
  })
})
