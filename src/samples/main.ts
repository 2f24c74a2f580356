/**
 * `npm run samples`: three APIs, a web app and a single-page app for a running server, and a machine that calls once.
 *
 * ISSUER names the server (http://localhost:3000 unless set), HOST the address to listen on.
 */

import { runMachine } from './machine/machine.ts'
import { PortTaken } from './listen.ts'
import { startSamples } from './start.ts'

const issuer = process.env.ISSUER ?? 'http://localhost:3000'
const host = process.env.HOST ?? '127.0.0.1'

if (!(await answers(issuer))) {
  give(`No authorization server answers at ${issuer}. Start one with \`npm start\`, or name another in ISSUER.`)
} else {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof PortTaken)) throw error
    give(error.message)
  }
}

async function run(): Promise<void> {
  const samples = await startSamples({ issuer, host })
  console.log(`
  Web app            ${samples.web}   signs in on its server, tokens never reach the browser
  Single-page app    ${samples.spa}   signs in in the browser, tokens in memory only
  Orders API         ${samples.apis.orders}/orders   (Koa)
  Inventory API      ${samples.apis.inventory}/items    (Express)
  Reports API        ${samples.apis.reports}/reports  (Fastify)

  Sign in as alice@example.com with wonderland-2026. Stop with Ctrl+C.

  The machine (demo-machine) calls the three APIs:`)
  await runMachine({ issuer, apis: samples.apis, print: (line) => console.log(`    ${line}`) }).catch(
    (error: Error) => {
      console.log(`    it could not: ${error.message}`)
    },
  )
  const stop = () => void samples.close()
  process.once('SIGINT', stop).once('SIGTERM', stop)
}

async function answers(issuer: string): Promise<boolean> {
  try {
    const address = new URL('/.well-known/openid-configuration', issuer)
    return (await fetch(address, { signal: AbortSignal.timeout(5000) })).ok
  } catch {
    return false
  }
}

function give(sentence: string): void {
  console.error(sentence)
  process.exitCode = 1
}
