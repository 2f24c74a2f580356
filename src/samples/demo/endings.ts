/** What ends access, and that every API knows of it within a second: each follows the server's feed of revocations. */

import * as openid from 'openid-client'

import { INVENTORY } from '../apis/inventory.ts'
import { ORDERS } from '../apis/orders.ts'
import { createBrowser } from './browser.ts'
import { ask, call, discoverAs, MACHINE, type DemoContext, signIn, SPA, WEB } from './demo-context.ts'
import { must } from './steps.ts'

const WITHIN_MS = 1000

export async function endings(context: DemoContext): Promise<void> {
  await aTokenOfTheMachine(context)
  await aSession(context)
  await aGrant(context)
}

async function aTokenOfTheMachine({ issuer, apis, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, MACHINE)
  const address = `${apis.orders}/orders`
  const get = () => openid.clientCredentialsGrant(client, { resource: ORDERS, scope: 'orders:read' })
  const [ended, other] = [(await get()).access_token, (await get()).access_token]

  await step('introspects an access token (RFC 7662)', async (say) => {
    must((await call(address, ended)).status === 200, 'the API refuses it')
    const { active, client_id, scope } = await openid.tokenIntrospection(client, ended)
    must(active && client_id === MACHINE.clientId, 'it is not active')
    say(`active, a JWT of ${client_id} for ${scope}`)
  })
  await step('revokes it (RFC 7009): the API refuses it', async (say) => {
    await openid.tokenRevocation(client, ended)
    say(await untilRefused(address, ended))
    must(!(await openid.tokenIntrospection(client, ended)).active, 'introspection calls it active')
  })
  await step('another token of the machine still works', async (say) => {
    const { status } = await call(address, other)
    must(status === 200, `it answered ${status}`)
    say('200')
  })
}

async function aSession({ issuer, apis, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, WEB)
  const browser = createBrowser(issuer)
  const scope = 'openid orders:read inventory:read'
  const asked = await ask(client, { redirectUri: WEB.redirectUri, scope, resources: [ORDERS, INVENTORY] })
  const { answer } = await signIn(browser, asked)
  const first = await openid.authorizationCodeGrant(client, answer, asked.checks, { resource: ORDERS })
  const second = await openid.refreshTokenGrant(client, first.refresh_token ?? '', { resource: INVENTORY })

  await step('signs out: its tokens end at both APIs', async (say) => {
    must((await call(`${apis.orders}/orders`, first.access_token)).status === 200, 'the Orders API refused it before')
    must((await call(`${apis.inventory}/items`, second.access_token)).status === 200, 'Inventory refused it before')
    const parameters = { id_token_hint: first.id_token ?? '', post_logout_redirect_uri: WEB.signedOutUri }
    const { page } = await browser.open(openid.buildEndSessionUrl(client, parameters))
    const form = page?.forms[0]
    if (form !== undefined) await browser.submit(form, { logout: 'yes' })
    const orders = await untilRefused(`${apis.orders}/orders`, first.access_token)
    const inventory = await untilRefused(`${apis.inventory}/items`, second.access_token)
    say(`Orders ${orders}, Inventory ${inventory}`)
  })
}

async function aGrant({ issuer, apis, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, SPA)
  const asked = await ask(client, { redirectUri: SPA.redirectUri, scope: 'openid orders:read', resources: [ORDERS] })
  const { answer } = await signIn(createBrowser(issuer), asked)
  const tokens = await openid.authorizationCodeGrant(client, answer, asked.checks, { resource: ORDERS })

  await step('revokes a refresh token: access tokens end too', async (say) => {
    must((await call(`${apis.orders}/orders`, tokens.access_token)).status === 200, 'the API refused it before')
    await openid.tokenRevocation(client, tokens.refresh_token ?? '')
    say(await untilRefused(`${apis.orders}/orders`, tokens.access_token))
  })
}

/** Throws unless the API refuses the token within a second. */
async function untilRefused(address: string, token: string): Promise<string> {
  const startedAt = performance.now()
  for (;;) {
    const { status, code } = await call(address, token)
    const ms = Math.round(performance.now() - startedAt)
    if (status === 401) {
      must(code === 'token_revoked', `it was refused as ${code}`)
      return `401 ${code} after ${ms} ms`
    }
    must(ms < WITHIN_MS, `after ${ms} ms it still answered ${status}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
