/** A call through two services: each is called with a token of its own audience, and each verifies alone. */

import * as openid from 'openid-client'

import { SHIPPING } from '../apis/shipping.ts'
import { createBrowser } from './browser.ts'
import { ask, call, type DemoContext, discoverAs, mustAnswer, signIn, STRICT } from './demo-context.ts'
import { must } from './steps.ts'

export async function nestedCall({ issuer, apis, shipping, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, STRICT)
  const asked = await ask(client, {
    redirectUri: STRICT.redirectUri,
    scope: 'openid shipping:read',
    resources: [SHIPPING],
  })
  const { answer } = await signIn(createBrowser(issuer), asked)
  const { access_token } = await openid.authorizationCodeGrant(client, answer, asked.checks, { resource: SHIPPING })

  await step('calls Shipping, which calls Inventory itself', async (say) => {
    say(await mustAnswer(shipping, access_token, 200))
  })
  await step("Inventory refuses the caller's own token", async (say) => {
    const { status, code } = await call(`${apis.inventory}/items`, access_token)
    must(status === 401 && code === 'token_invalid', `it answered ${status} ${code ?? ''}`)
    say('401: it is for Shipping, so Shipping cannot use it elsewhere')
  })
  await step('Shipping refuses a call without a token', async (say) => {
    const { status, code } = await call(shipping, undefined)
    must(status === 401 && code === 'token_missing', `it answered ${status} ${code ?? ''}`)
    say('401')
  })
}
