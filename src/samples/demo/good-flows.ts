/** The flows that succeed: a web app, a single-page app and a machine, from sign-in to API. */

import * as openid from 'openid-client'

import { INVENTORY } from '../apis/inventory.ts'
import { ORDERS } from '../apis/orders.ts'
import { REPORTS } from '../apis/reports.ts'
import { createBrowser } from './browser.ts'
import {
  ask,
  discoverAs,
  MACHINE,
  mustAnswer,
  mustBeRefused,
  peek,
  type DemoContext,
  signIn,
  SPA,
  STRICT,
  WEB,
} from './demo-context.ts'
import { must } from './steps.ts'

export const ALL_SCOPES = 'openid profile email orders:read orders:write inventory:read reports:read'
const ALL_APIS = [ORDERS, INVENTORY, REPORTS]

export async function discovery({ issuer, steps: { step } }: DemoContext): Promise<void> {
  const read = async (path: string) => (await fetch(`${issuer}${path}`)).json() as Promise<Record<string, unknown>>

  const metadata = await step('finds the metadata', async (say) => {
    const found = await read('/.well-known/openid-configuration')
    must(found.issuer === issuer, `it names the issuer ${String(found.issuer)}`)
    must(String(found.code_challenge_methods_supported) === 'S256', 'PKCE is not S256 alone')
    must(found.authorization_response_iss_parameter_supported === true, 'answers carry no iss (RFC 9207)')
    say(`issuer ${issuer}, PKCE S256 only`)
    return found
  })
  await step('finds the same by RFC 8414', async () => {
    const found = await read('/.well-known/oauth-authorization-server')
    must(found.issuer === issuer && found.jwks_uri === metadata.jwks_uri, 'the two documents differ')
  })
  await step('reads the public keys', async (say) => {
    const { keys } = (await (await fetch(String(metadata.jwks_uri))).json()) as { keys: Record<string, string>[] }
    must(keys.length > 0, 'there are none')
    must(!keys.some((key) => 'd' in key || 'k' in key), 'a private key is published')
    say(keys.map(({ alg, kid }) => `${alg} ${kid?.slice(0, 6)}…`).join(', '))
  })
}

export async function webApp({ issuer, apis, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, WEB)
  const browser = createBrowser(issuer)

  const { asked, answer } = await step('signs in with login and consent', async (say) => {
    const asked = await ask(client, { redirectUri: WEB.redirectUri, scope: ALL_SCOPES, resources: ALL_APIS })
    const { answer, pages } = await signIn(browser, asked)
    must(pages.join() === 'login,consent', `the pages were ${pages.join(' and ')}`)
    must(answer.searchParams.get('iss') === issuer, 'the answer does not name its issuer (RFC 9207)')
    say('code, state and iss came back')
    return { asked, answer }
  })
  const tokens = await step('exchanges the code', async (say) => {
    const got = await openid.authorizationCodeGrant(client, answer, asked.checks, { resource: ORDERS })
    const { header, payload } = peek(got.access_token)
    // The token may also be used at userinfo, so its audience has the issuer as well as the API.
    const good = header.typ === 'at+jwt' && String(payload.aud) === String([ORDERS, issuer])
    must(good, `typ ${String(header.typ)}, aud ${String(payload.aud)}`)
    must(got.refresh_token !== undefined, 'there is no refresh token')
    say(`${String(header.alg)} at+jwt for ${ORDERS}, ${got.expires_in} s`)
    return got
  })
  const refreshToken = tokens.refresh_token ?? ''
  await step('asks who it is (userinfo)', async (say) => {
    const person = await openid.fetchUserInfo(client, tokens.access_token, String(tokens.claims()?.sub))
    say(`${person.name}, ${person.email}`)
  })
  await step('calls the Orders API', async (say) =>
    say(await mustAnswer(`${apis.orders}/orders`, tokens.access_token, 200)),
  )
  await step('places an order', async (say) => {
    const order = { method: 'POST', body: '{"item":"Tea for two"}' }
    say(await mustAnswer(`${apis.orders}/orders`, tokens.access_token, 201, order))
  })
  for (const [name, resource, address] of [
    ['Inventory', INVENTORY, `${apis.inventory}/items`],
    ['Reports', REPORTS, `${apis.reports}/reports`],
  ] as const) {
    await step(`refreshes for the ${name} API and calls it`, async (say) => {
      const { access_token } = await openid.refreshTokenGrant(client, refreshToken, { resource })
      must([peek(access_token).payload.aud].flat()[0] === resource, 'the token is for another API')
      say(`${String(peek(access_token).header.alg)}: ${await mustAnswer(address, access_token, 200)}`)
    })
  }
  await step('introspects its refresh token', async (say) => {
    const { active, client_id } = await openid.tokenIntrospection(client, refreshToken)
    must(active && client_id === WEB.clientId, 'it is not active')
    say('active')
  })
  await signsOut({ issuer, client, browser, step, idToken: tokens.id_token ?? '' })
}

interface SigningOut {
  readonly issuer: string
  readonly client: openid.Configuration
  readonly browser: ReturnType<typeof createBrowser>
  readonly step: DemoContext['steps']['step']
  readonly idToken: string
}

async function signsOut({ issuer, client, browser, step, idToken }: SigningOut): Promise<void> {
  await step('signs in again without a page', async (say) => {
    const asked = await ask(client, { redirectUri: WEB.redirectUri, scope: 'openid', prompt: 'none' })
    const { left } = await browser.open(asked.url)
    must(left?.searchParams.has('code'), `the answer was ${left?.searchParams.get('error')}`)
    say('prompt=none gives a code')
  })
  await step('signs out', async (say) => {
    const parameters = { id_token_hint: idToken, post_logout_redirect_uri: WEB.signedOutUri }
    let arrival = await browser.open(openid.buildEndSessionUrl(client, parameters))
    const form = arrival.page?.forms[0]
    if (form !== undefined) arrival = await browser.submit(form, { logout: 'yes' })
    must(arrival.left, `the browser ended at ${arrival.page?.url.pathname}`)
    must(arrival.left.href === WEB.signedOutUri, `the browser ended at ${arrival.left.href}`)
    say(`back at ${arrival.left.origin}`)
  })
  await step('is signed out', async (say) => {
    const asked = await ask(client, { redirectUri: WEB.redirectUri, scope: 'openid', prompt: 'none' })
    const { left } = await browser.open(asked.url)
    must(left?.searchParams.get('error') === 'login_required', 'prompt=none still gives a code')
    must(left.searchParams.get('iss') === issuer, 'the error does not name its issuer')
    say('prompt=none gives login_required')
  })
}

export async function singlePageApp({ issuer, apis, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, SPA)

  const tokens = await step('signs in with PKCE and no secret', async (say) => {
    const asked = await ask(client, { redirectUri: SPA.redirectUri, scope: ALL_SCOPES, resources: ALL_APIS })
    const { answer } = await signIn(createBrowser(issuer), asked)
    const got = await openid.authorizationCodeGrant(client, answer, asked.checks, { resource: ORDERS })
    say(`token for ${ORDERS}`)
    return got
  })
  await step('calls the Orders API from its own origin', async (say) => {
    const { origin } = new URL(SPA.redirectUri)
    say(await mustAnswer(`${apis.orders}/orders`, tokens.access_token, 200, { headers: { origin } }))
  })
  const first = tokens.refresh_token ?? ''
  const second = await step('refreshes, and the refresh token rotates', async (say) => {
    const got = await openid.refreshTokenGrant(client, first, { resource: INVENTORY })
    must(got.refresh_token !== undefined && got.refresh_token !== first, 'it is the same refresh token')
    say(await mustAnswer(`${apis.inventory}/items`, got.access_token, 200))
    return got.refresh_token
  })
  await step('repeats a refresh whose answer was lost', async (say) => {
    const again = await openid.refreshTokenGrant(client, first, { resource: INVENTORY })
    must(again.refresh_token === second, 'it got a second successor')
    say('the same successor, not a second one')
  })
  await step('ends its own refresh token (RFC 7009)', async (say) => {
    await openid.tokenRevocation(client, second)
    await mustBeRefused(openid.refreshTokenGrant(client, second, { resource: ORDERS }), 'invalid_grant')
    say('revoked: invalid_grant')
  })
}

/** Without the idempotent window, a second use of a refresh token ends everything that came from it. */
export async function reuse({ issuer, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, STRICT)
  const first = await step('signs in', async () => {
    const asked = await ask(client, {
      redirectUri: STRICT.redirectUri,
      scope: 'openid orders:read',
      resources: [ORDERS],
    })
    const { answer } = await signIn(createBrowser(issuer), asked)
    const { refresh_token = '' } = await openid.authorizationCodeGrant(client, answer, asked.checks)
    return refresh_token
  })
  const second = await step(
    'refreshes',
    async () => (await openid.refreshTokenGrant(client, first)).refresh_token ?? '',
  )
  await step('the used refresh token is presented again', async (say) => {
    await mustBeRefused(openid.refreshTokenGrant(client, first), 'invalid_grant')
    say('invalid_grant')
  })
  await step('its successor ends with it', async (say) => {
    await mustBeRefused(openid.refreshTokenGrant(client, second), 'invalid_grant')
    say('invalid_grant: the server cannot tell the attacker from the owner')
  })
}

export async function machine({ issuer, apis, steps: { step } }: DemoContext): Promise<void> {
  const client = await discoverAs(issuer, MACHINE)
  for (const [name, resource, scope, address] of [
    ['Orders', ORDERS, 'orders:read', `${apis.orders}/orders`],
    ['Inventory', INVENTORY, 'inventory:read', `${apis.inventory}/items`],
    ['Reports', REPORTS, 'reports:read', `${apis.reports}/reports`],
  ] as const) {
    await step(`gets a token for the ${name} API and calls it`, async (say) => {
      const { access_token } = await openid.clientCredentialsGrant(client, { resource, scope })
      const { header, payload } = peek(access_token)
      must(payload.sub === MACHINE.clientId, `the subject is ${String(payload.sub)}`)
      say(`${String(header.alg)}: ${await mustAnswer(address, access_token, 200)}`)
    })
  }
}
