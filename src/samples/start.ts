/** Starts the three APIs and the two clients that a browser opens. */

import { inventoryApi } from './apis/inventory.ts'
import { ordersApi } from './apis/orders.ts'
import { reportsApi } from './apis/reports.ts'
import { type Listening, listen } from './listen.ts'
import { spaServer } from './spa/server.ts'
import { webApp } from './web/app.ts'

export interface SamplePorts {
  readonly orders: number
  readonly inventory: number
  readonly reports: number
  readonly web: number
  readonly spa: number
}

export const SAMPLE_PORTS: SamplePorts = { orders: 4001, inventory: 4002, reports: 4003, web: 4010, spa: 4011 }

export interface SampleOptions {
  readonly issuer: string
  /** Those of the README unless set. The redirect URIs of the clients must name the ports of `web` and `spa`. */
  readonly ports?: SamplePorts
  /** The address to listen on; this machine only unless set. */
  readonly host?: string
  readonly web?: { readonly clientId: string; readonly clientSecret: string }
  readonly spa?: { readonly clientId: string }
}

/** Where each API answers, as the clients see it. */
export interface ApiAddresses {
  readonly orders: string
  readonly inventory: string
  readonly reports: string
}

export interface Samples {
  readonly apis: ApiAddresses
  readonly web: string
  readonly spa: string
  readonly close: () => Promise<void>
}

const DEMO_WEB = { clientId: 'demo-web', clientSecret: 'demo-web-secret-not-for-production' }
const DEMO_SPA = { clientId: 'demo-spa' }

/** Throws `PortTaken`; then everything that had started is stopped again. Does not ask whether the issuer is there. */
export async function startSamples(options: SampleOptions): Promise<Samples> {
  const { issuer, ports = SAMPLE_PORTS, host = '127.0.0.1', web = DEMO_WEB, spa = DEMO_SPA } = options
  const addresses = { web: `http://localhost:${ports.web}`, spa: `http://localhost:${ports.spa}` }
  const api = { issuer, allowedOrigin: addresses.spa }
  const open: Listening[] = []
  const close = async () => {
    await Promise.all(open.map((one) => one.close()))
  }

  try {
    open.push(await listen('the Orders API', ordersApi(api), ports.orders, host))
    open.push(await listen('the Inventory API', inventoryApi(api), ports.inventory, host))
    open.push(await listen('the Reports API', reportsApi(api), ports.reports, host))
    const [orders, inventory, reports] = open.map(({ port }) => `http://localhost:${port}`) as [string, string, string]
    const apis = { orders, inventory, reports }
    open.push(await listen('the web app', webApp({ ...web, issuer, origin: addresses.web, apis }), ports.web, host))
    open.push(
      await listen('the SPA', await spaServer({ ...spa, issuer, origin: addresses.spa, apis }), ports.spa, host),
    )
    return { apis, ...addresses, close }
  } catch (error) {
    await close()
    throw error
  }
}
