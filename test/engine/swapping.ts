/**
 * A server in a process of its own that swaps its engine when told to, and counts what the old ones leave behind.
 *
 * A swap is what a rotation brings: a key is published, or taken out again, and a new engine takes the place of the old.
 */

import process from 'node:process'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { Provider } from 'oidc-provider'

import { keyIds } from '../keyring/one-node.ts'
import { start } from '../support/start.ts'

export type Order = { readonly swaps: number } | 'count' | 'stop'

/** What it says when it is ready, and after each order but the last. */
export interface Report {
  readonly url: string
  readonly count?: Count
}

export interface Count {
  /** Engines ever built, and those that are still there after the garbage was collected. */
  readonly built: number
  readonly alive: number
  /** The version of the ring. */
  readonly ring: number
  readonly heapMiB: number
  readonly residentMiB: number
  /** Listeners on the process, and what keeps the event loop busy. */
  readonly listeners: number
  readonly resources: number
  readonly warnings: readonly string[]
}

const engines: WeakRef<Provider>[] = []
const warnings: string[] = []
process.on('warning', (warning) => warnings.push(warning.message))
countEngines()

const app = await start()
const { keyring } = app.nodes[0] as (typeof app.nodes)[number]

process.on('message', (order: Order) => void obey(order))
report()

async function obey(order: Order): Promise<void> {
  if (order === 'stop') {
    await app.close()
    process.disconnect()
    return
  }
  if (order === 'count') return report({ count: await count() })
  await swap(order.swaps)
  report()
}

async function swap(swaps: number): Promise<void> {
  for (let done = 0; done < swaps; done++) {
    const before = engines.length
    const [next] = keyIds(keyring.current(), 'next')
    await (next === undefined ? keyring.rotate('ES256') : keyring.retire(next))
    while (engines.length === before) await delay(1)
    // The new engine is used too before it is old.
    if (done % 10 === 0) await takeToken()
  }
}

async function takeToken(): Promise<void> {
  const credentials = Buffer.from('demo-machine:demo-machine-secret-not-for-production').toString('base64')
  const response = await fetch(`${app.urls[0]}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  })
  if (response.status !== 200) throw new Error(await response.text())
  await response.arrayBuffer()
}

async function count(): Promise<Count> {
  // What a collection frees may hold other things, which the next one frees.
  for (let round = 0; round < 5; round++) {
    await turn()
    globalThis.gc?.()
  }
  const memory = process.memoryUsage()
  return {
    built: engines.length,
    alive: engines.filter((engine) => engine.deref() !== undefined).length,
    ring: keyring.current().version,
    heapMiB: memory.heapUsed / 2 ** 20,
    residentMiB: memory.rss / 2 ** 20,
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    resources: process.getActiveResourcesInfo().length,
    warnings,
  }
}

/** The code that builds an engine asks it for its callback. */
function countEngines(): void {
  const callback = Reflect.get(Provider.prototype, 'callback') as () => ReturnType<Provider['callback']>
  Provider.prototype.callback = function counted(this: Provider) {
    engines.push(new WeakRef(this))
    return callback.call(this)
  }
}

function report(more: Pick<Report, 'count'> = {}): void {
  process.send?.({ url: app.urls[0] as string, ...more } satisfies Report)
}
