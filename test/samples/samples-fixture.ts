/** The real server with the samples beside it, all on free ports. */

import { freePort, type Running, start } from '../support/start.ts'
import { type Samples, startSamples } from '../../src/samples/start.ts'

export interface SamplesFixture {
  readonly server: Running
  readonly samples: Samples
  close(): Promise<void>
}

export async function startSamplesFixture(): Promise<SamplesFixture> {
  const ports = {
    orders: await freePort(),
    inventory: await freePort(),
    reports: await freePort(),
    web: await freePort(),
    spa: await freePort(),
  }
  const at = (clientId: string, port: number) => ({
    clientId,
    redirectUris: [`http://localhost:${port}/callback`],
    postLogoutRedirectUris: [`http://localhost:${port}/`],
  })
  const server = await start({ clients: [at('demo-web', ports.web), at('demo-spa', ports.spa)] })
  const samples = await startSamples({ issuer: server.issuer, ports })
  return {
    server,
    samples,
    async close() {
      await samples.close()
      await server.close()
    },
  }
}

/** A token of demo-machine. */
export async function machineToken(issuer: string, resource: string, scope: string): Promise<string> {
  const response = await postAsMachine(`${issuer}/token`, { grant_type: 'client_credentials', resource, scope })
  const { access_token } = (await response.json()) as { access_token: string }
  return access_token
}

export async function revokeMachineToken(issuer: string, token: string): Promise<void> {
  await postAsMachine(`${issuer}/revoke`, { token })
}

function postAsMachine(address: string, form: Record<string, string>): Promise<Response> {
  const authorization = `Basic ${Buffer.from('demo-machine:demo-machine-secret-not-for-production').toString('base64')}`
  return fetch(address, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) })
}
