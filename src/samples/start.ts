/** Starts the three APIs and the two clients that a browser opens. */

import type { Api } from './apis/api.ts'
import type { ApiAddresses } from './apis/addresses.ts'
import { inventoryApi } from './apis/inventory.ts'
import { ordersApi } from './apis/orders.ts'
import { reportsApi } from './apis/reports.ts'
import { type Handler, type Listening, listen } from './listen.ts'
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
  /** The ports of the README unless set. The redirect URIs of the clients must name the ports of `web` and `spa`. */
  readonly ports?: SamplePorts
  /** The address to listen on; this machine only unless set. */
  readonly host?: string
  readonly web?: { readonly clientId: string; readonly clientSecret: string }
  readonly spa?: { readonly clientId: string }
  /** A client that may read the server's feed of revocations; each API would have its own. */
  readonly revocations?: { readonly clientId: string; readonly clientSecret: string }
}

export interface Samples {
  readonly apis: ApiAddresses
  readonly web: string
  readonly spa: string
  readonly close: () => Promise<void>
}

const DEMO_WEB = { clientId: 'demo-web', clientSecret: 'demo-web-secret-not-for-production' }
const DEMO_SPA = { clientId: 'demo-spa' }
export const DEMO_MACHINE = { clientId: 'demo-machine', clientSecret: 'demo-machine-secret-not-for-production' }

/** Throws `PortTaken`; then everything that had started is stopped again. Does not ask whether the issuer is there. */
export async function startSamples(options: SampleOptions): Promise<Samples> {
  const { issuer, ports = SAMPLE_PORTS, host = '127.0.0.1', web = DEMO_WEB, spa = DEMO_SPA } = options
  const addresses = { web: `http://localhost:${ports.web}`, spa: `http://localhost:${ports.spa}` }
  const api = { issuer, allowedOrigin: addresses.spa, revocations: options.revocations ?? DEMO_MACHINE }
  const open: Pick<Listening, 'close'>[] = []
  const close = async () => {
    await Promise.all(open.map((one) => one.close()))
  }
  async function serve(name: string, handler: Handler, port: number): Promise<string> {
    const listening = await listen(name, handler, port, host)
    open.push(listening)
    return `http://localhost:${listening.port}`
  }
  async function serveApi(name: string, one: Api, port: number): Promise<string> {
    open.push(one)
    return serve(name, one.handler, port)
  }

  try {
    const apis = {
      orders: await serveApi('the Orders API', ordersApi(api), ports.orders),
      inventory: await serveApi('the Inventory API', inventoryApi(api), ports.inventory),
      reports: await serveApi('the Reports API', await reportsApi(api), ports.reports),
    }
    await serve('the web app', webApp({ ...web, issuer, origin: addresses.web, apis }), ports.web)
    await serve('the SPA', await spaServer({ ...spa, issuer, origin: addresses.spa, apis }), ports.spa)
    return { apis, ...addresses, close }
  } catch (error) {
    await close()
    throw error
  }
}
