/** The whole demo: starts what it needs, walks every flow, and takes everything down again. */

import { reportsApi } from '../apis/reports.ts'
import { inventoryApi } from '../apis/inventory.ts'
import { shippingApi } from '../apis/shipping.ts'
import type { Api } from '../apis/api.ts'
import { listen } from '../listen.ts'
import { DEMO_MACHINE, startSamples } from '../start.ts'
import { algorithms } from './algorithms.ts'
import { endings } from './endings.ts'
import { discovery, machine, reuse, singlePageApp, webApp } from './good-flows.ts'
import { atTheApis, atTheServer } from './refusals.ts'
import { rotation, startRotatingServer } from './rotation.ts'
import { BRIEF, type DemoContext, HS256_API, PS256_API, SETTINGS, SHARED_SECRET, SHIPPER } from './demo-context.ts'
import { freePorts, startServer } from './server-process.ts'
import { nestedCall } from './nested-call.ts'
import { createSteps, type Tally } from './steps.ts'

/**
 * Gives how many steps passed and failed. When `signal` says so it ends between two answers, and cleans up as ever.
 *
 * Throws when the server does not start, or the reason of the signal.
 */
export async function walk(print: (line: string) => void, signal: AbortSignal): Promise<Tally> {
  const steps = createSteps(print)
  const open: (() => Promise<void>)[] = []
  try {
    const context = { ...(await setUp(open)), steps }
    signal.throwIfAborted()
    print(`Grantor at ${context.issuer}, the APIs at ${Object.values(context.apis).join(', ')}`)
    await Promise.race([playAll(context), aborted(signal)])
  } finally {
    // Closed in reverse order, each one even if another fails.
    await Promise.allSettled(open.reverse().map((close) => close()))
  }
  return steps.tally()
}

/** Starts the server and the APIs; `open` gets how each is taken down again, as soon as it is up. */
async function setUp(open: (() => Promise<void>)[]): Promise<Omit<DemoContext, 'steps'>> {
  const { issuer, stop } = await startServer(SETTINGS)
  open.push(stop)
  const [orders = 0, inventory = 0, reports = 0, web = 0, spa = 0] = await freePorts(5)
  const samples = await startSamples({ issuer, ports: { orders, inventory, reports, web, spa } })
  open.push(samples.close)
  async function serve(name: string, api: Api): Promise<string> {
    open.push(api.close)
    const { port, close } = await listen(name, api.handler, 0, '127.0.0.1')
    open.push(close)
    return `http://localhost:${port}`
  }
  const common = { issuer, allowedOrigin: 'http://localhost', revocations: DEMO_MACHINE }
  return {
    issuer,
    rotating: await startRotatingServer(open),
    apis: samples.apis,
    // The Reports API once more, for an audience whose tokens live for two seconds, with no tolerance for clocks.
    brief: await serve('the brief API', await reportsApi({ ...common, audience: BRIEF, clockToleranceSeconds: 0 })),
    hs256: await serve('the HS256 API', inventoryApi({ ...common, audience: HS256_API, secret: SHARED_SECRET })),
    ps256: await serve('the PS256 API', inventoryApi({ ...common, audience: PS256_API })),
    shipping: await serve(
      'the Shipping service',
      shippingApi({ ...common, inventory: samples.apis.inventory, client: SHIPPER }),
    ),
  }
}

async function playAll(context: DemoContext): Promise<void> {
  const { flow } = context.steps
  await flow('Discovery', () => discovery(context))
  await flow('A web app (confidential, code + PKCE)', () => webApp(context))
  await flow('A single-page app (public, code + PKCE)', () => singlePageApp(context))
  await flow('A refresh token used twice', () => reuse(context))
  await flow('A machine (client credentials)', () => machine(context))
  await flow('Five algorithms, one for each API', () => algorithms(context))
  await flow('A service that calls another service', () => nestedCall(context))
  await flow('A signing key is replaced', () => rotation(context))
  await flow('Ended, and refused by the APIs within a second', () => endings(context))
  await flow('Refused by the APIs', () => atTheApis(context))
  await flow('Refused by the server', () => atTheServer(context))
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}
