/** The whole demo: starts what it needs, walks every flow, and takes everything down again. */

import { reportsApi } from '../apis/reports.ts'
import { listen } from '../listen.ts'
import { DEMO_MACHINE, startSamples } from '../start.ts'
import { endings } from './endings.ts'
import { discovery, machine, reuse, singlePageApp, webApp } from './good-flows.ts'
import { atTheApis, atTheServer } from './refusals.ts'
import { BRIEF, type DemoContext, SETTINGS } from './demo-context.ts'
import { freePorts, startServer } from './server-process.ts'
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
  const api = await briefApi(issuer)
  open.push(api.close)
  const brief = await listen('the brief API', api.handler, 0, '127.0.0.1')
  open.push(brief.close)
  return { issuer, apis: samples.apis, brief: `http://localhost:${brief.port}` }
}

async function playAll(context: DemoContext): Promise<void> {
  const { flow } = context.steps
  await flow('Discovery', () => discovery(context))
  await flow('A web app (confidential, code + PKCE)', () => webApp(context))
  await flow('A single-page app (public, code + PKCE)', () => singlePageApp(context))
  await flow('A refresh token used twice', () => reuse(context))
  await flow('A machine (client credentials)', () => machine(context))
  await flow('Ended, and refused by the APIs within a second', () => endings(context))
  await flow('Refused by the APIs', () => atTheApis(context))
  await flow('Refused by the server', () => atTheServer(context))
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}

/** The Reports API once more, for an audience whose tokens live for two seconds, with no tolerance for clocks. */
function briefApi(issuer: string) {
  const own = { audience: BRIEF, clockToleranceSeconds: 0 }
  return reportsApi({ issuer, allowedOrigin: 'http://localhost', revocations: DEMO_MACHINE, ...own })
}
