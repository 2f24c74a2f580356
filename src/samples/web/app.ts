/**
 * The web app, on Koa: signs a person in on its server and calls the three APIs for them.
 *
 * Tokens live in its sessions; the browser gets pages and a cookie.
 */

import { readFileSync } from 'node:fs'

import Koa, { type Context } from 'koa'

import { INVENTORY } from '../apis/inventory.ts'
import { ORDERS } from '../apis/orders.ts'
import { REPORTS } from '../apis/reports.ts'
import type { Handler } from '../listen.ts'
import type { ApiAddresses } from '../apis/addresses.ts'
import { homePage, type Offer, problemPage, signedInPage } from './pages.ts'
import { createSessions } from './sessions.ts'
import { createSignIn, type SignInOptions } from './sign-in.ts'

export interface WebAppOptions extends SignInOptions {
  readonly apis: ApiAddresses
}

interface Call extends Offer {
  readonly audience: string
  readonly method: 'GET' | 'POST'
  readonly body?: string
}

export function webApp({ apis, ...options }: WebAppOptions): Handler {
  const sessions = createSessions()
  const signIn = createSignIn(options)
  const style = readFileSync(new URL('../style.css', import.meta.url), 'utf8')
  const calls = callsTo(apis)

  const routes: Record<string, (ctx: Context) => Promise<void> | void> = {
    'GET /': (ctx) => {
      const person = sessions.find(ctx)?.signedIn
      ctx.body = person === undefined ? homePage() : signedInPage(person, calls)
    },
    'GET /style.css': (ctx) => {
      ctx.type = 'css'
      ctx.body = style
    },
    'GET /sign-in': async (ctx) => {
      const { pending, url } = await signIn.begin()
      sessions.begin(ctx, { pending, signedIn: undefined })
      ctx.redirect(url.href)
    },
    'GET /callback': async (ctx) => {
      const pending = sessions.find(ctx)?.pending
      // A sign-in that begins in one browser and ends in another may sign a person in to an attacker's account.
      if (pending === undefined) return show(ctx, 'This sign-in was not started in this browser.')
      sessions.end(ctx)
      const person = await signIn.finish(new URL(ctx.url, options.origin), pending)
      sessions.begin(ctx, { pending: undefined, signedIn: person })
      ctx.redirect('/')
    },
    'POST /call': async (ctx) => {
      const person = sessions.find(ctx)?.signedIn
      const call = calls.find(({ id }) => id === ctx.state.form.get('call'))
      if (person !== undefined && call !== undefined) {
        person.last = await perform(call, await signIn.accessToken(person, call.audience))
      }
      ctx.status = 303
      ctx.redirect('/')
    },
    'POST /sign-out': async (ctx) => {
      const person = sessions.find(ctx)?.signedIn
      sessions.end(ctx)
      ctx.status = 303
      ctx.redirect(person === undefined ? '/' : (await signIn.signOutUrl(person)).href)
    },
  }

  const app = new Koa()
  app.use(headers(options))
  app.use(async function answer(ctx) {
    const route = routes[`${ctx.method} ${ctx.path}`]
    if (route === undefined) return
    try {
      if (ctx.method === 'POST') ctx.state.form = await readForm(ctx)
      await route(ctx)
    } catch (error) {
      // The reason is for the terminal: it may quote what a stranger put into the address.
      console.error(`web app: ${(error as Error).name}: ${(error as Error).message}`)
      show(ctx, 'The authorization server did not agree to this sign-in, or could not be reached.')
    }
  })
  return app.callback()
}

function callsTo(apis: ApiAddresses): Call[] {
  const order = JSON.stringify({ item: 'Tea for two' })
  return [
    { id: 'orders', title: 'See my orders', audience: ORDERS, method: 'GET', api: `${apis.orders}/orders` },
    { id: 'order', title: 'Order tea', audience: ORDERS, method: 'POST', api: `${apis.orders}/orders`, body: order },
    { id: 'items', title: 'See the stock', audience: INVENTORY, method: 'GET', api: `${apis.inventory}/items` },
    { id: 'reports', title: 'Read my reports', audience: REPORTS, method: 'GET', api: `${apis.reports}/reports` },
  ]
}

async function perform({ title, api, method, body }: Call, token: string) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(api, { method, headers, ...(body === undefined ? {} : { body }) })
  return { title, status: response.status, text: JSON.stringify(await response.json(), null, 2) }
}

function headers({ issuer, origin }: SignInOptions): Koa.Middleware {
  // The sign-out form is redirected to the authorization server, which redirects back here.
  const policy = `default-src 'none'; style-src 'self'; img-src data:; form-action 'self' ${new URL(issuer).origin}; base-uri 'none'; frame-ancestors 'none'`
  return async function headers(ctx, next) {
    ctx.set({
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      // Not `no-referrer`: browsers would then send our own forms with `Origin: null`.
      'Referrer-Policy': 'same-origin',
      'Cache-Control': 'no-store',
    })
    // A form from another site has another origin, or none.
    if (ctx.method === 'POST' && ctx.get('Origin') !== origin) ctx.throw(403, 'This form did not come from this app.')
    await next()
  }
}

async function readForm(ctx: Context): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of ctx.req.setEncoding('utf8')) {
    text += chunk
    if (text.length > 1000) ctx.throw(413)
  }
  return new URLSearchParams(text)
}

function show(ctx: Context, message: string): void {
  ctx.status = 400
  ctx.body = problemPage(message)
}
