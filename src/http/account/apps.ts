/**
 * The pages of a signed-in person: which applications may use the account, and how to withdraw that.
 *
 * A person who is not signed in goes through an ordinary sign-in, with the server's own pages as the application. The
 * code that comes back is left to expire: its verifier was discarded, and only the session was needed.
 */

import type { Context } from 'koa'
import { createHash } from 'node:crypto'

import type { Consent, Consents } from '../../grants/consents.ts'
import type { Revocation } from '../../revocation/revoke.ts'
import type { Account, Accounts } from '../../accounts/accounts.ts'
import type { Apis } from '../../apis/apis.ts'
import { randomId } from '../../base/ids.ts'
import { ACCOUNT_CALLBACK, ACCOUNT_CLIENT_ID } from '../../clients/account-client.ts'
import type { Clients } from '../../clients/clients.ts'
import type { BrowserSessions } from '../../engine/port.ts'
import { around, fill } from '../../i18n/fill.ts'
import type { Language } from '../../i18n/language.ts'
import { readForm } from '../forms/form.ts'
import type { FormGuard } from '../forms/form-guard.ts'
import type { PageHandlers } from '../pages/handlers.ts'
import { createPage, type PageModel } from '../pages/page.ts'
import { sentencesFor } from '../pages/scope-sentences.ts'
import { sendOn } from '../pages/send-on.ts'
import { safeName } from '../pages/shown-names.ts'
import type { Views } from '../pages/views.ts'

export interface AccountPagesParts {
  readonly issuer: string
  readonly sessions: BrowserSessions
  readonly accounts: Pick<Accounts, 'findSignedIn'>
  readonly clients: Clients
  readonly apis: Pick<Apis, 'findApi' | 'sentenceFor'>
  readonly consents: Pick<Consents, 'listConsents'>
  readonly revocation: Pick<Revocation, 'endConsent'>
  readonly guard: FormGuard
  readonly views: Views
}

const APPS = '/account/apps'

export function accountPages(parts: AccountPagesParts): PageHandlers {
  const { sessions, accounts, clients, consents, revocation, guard, views } = parts
  const showPage = createPage(views, 'account/apps', modelOf)

  async function whoIs(ctx: Context): Promise<{ account: Account; sessionUid: string } | undefined> {
    const signedIn = await sessions.find(ctx.req, ctx.res)
    const account = signedIn && (await accounts.findSignedIn(signedIn.accountId, signedIn.signedInAt))
    if (signedIn === undefined || account === undefined) return undefined
    return { account, sessionUid: signedIn.sessionUid }
  }

  return {
    account(ctx) {
      sendOn(ctx, APPS)
    },

    'account-signed-in'(ctx) {
      // An error means that the person pressed Cancel; asking again at once would be a circle.
      sendOn(ctx, ctx.query.error === undefined ? APPS : '/')
    },

    async 'account-apps'(ctx) {
      const who = await whoIs(ctx)
      if (who === undefined) return sendOn(ctx, signInAddress(parts.issuer))
      const { account, sessionUid } = who
      const given = await consents.listConsents(account.id)
      const apps = (await Promise.all(given.map((one) => describe(parts, one)))).filter((app) => app !== undefined)
      const ended = await nameOfEnded(ctx, sessionUid, given)
      const facts = { account, apps, ended, token: guard.tokenFor('end-consent', sessionUid) }
      showPage(ctx, 200, facts, { guardedForms: true })
    },

    async 'account-apps-end'(ctx) {
      guard.refuseOtherOrigins(ctx)
      const form = await readForm(ctx.req)
      const who = await whoIs(ctx)
      if (who === undefined) return sendOn(ctx, signInAddress(parts.issuer))
      guard.refuseOtherForms(form, 'end-consent', who.sessionUid)
      const client = await clients.findClient(form.get('client_id') ?? '')
      if (client === undefined) return sendOn(ctx, APPS)
      await revocation.endConsent(who.account.id, client.clientId)
      const proof = guard.tokenFor('ended-notice', `${who.sessionUid}\n${client.clientId}`)
      sendOn(ctx, `${APPS}?${new URLSearchParams({ ended: client.clientId, proof }).toString()}`)
    },
  }

  /** Shown after the withdrawal, and only in the session in which it was done: the address alone shows nothing. */
  async function nameOfEnded(
    ctx: Context,
    sessionUid: string,
    given: readonly { clientId: string }[],
  ): Promise<string> {
    const ended = String(ctx.query.ended ?? '')
    const isProven = guard.isTokenFor(String(ctx.query.proof ?? ''), 'ended-notice', `${sessionUid}\n${ended}`)
    if (!isProven || given.some(({ clientId }) => clientId === ended)) return ''
    return (await clients.findClient(ended))?.clientName ?? ''
  }
}

interface App {
  readonly clientId: string
  readonly name: string
  readonly scopes: readonly string[]
  /** The scopes of APIs, each with the sentence that was agreed to. */
  readonly ofApis: readonly { readonly sentence: string; readonly api: string }[]
}

/** `undefined` for an application that was removed or disabled: its access has ended. */
async function describe(
  { clients, apis }: AccountPagesParts,
  { clientId, consent: { scopes, apis: agreed } }: { clientId: string; consent: Consent },
): Promise<App | undefined> {
  const client = await clients.findClient(clientId)
  if (client === undefined) return undefined
  const ofApis = Object.entries(agreed).flatMap(([audience, granted]) =>
    granted.map((scope) => ({
      sentence: apis.sentenceFor(audience, scope),
      api: apis.findApi(audience)?.name ?? audience,
    })),
  )
  return { clientId, name: client.clientName, scopes, ofApis }
}

interface AppsFacts {
  readonly account: Account
  readonly apps: readonly App[]
  /** The name of the application whose access has just been ended; else empty. */
  readonly ended: string
  readonly token: string
}

function modelOf({ account, apps, ended, token }: AppsFacts, language: Language): PageModel {
  const texts = language.pages.apps
  const inOrder = apps.toSorted((a, b) => a.name.localeCompare(b.name, language.tag))
  return {
    ...{ title: texts.title, texts, lead: around(texts.lead, 'account'), endedText: around(texts.ended, 'app') },
    accountName: safeName(account.claims.name ?? account.login, language),
    ended: ended === '' ? '' : safeName(ended, language),
    apps: inOrder.map(({ clientId, name, scopes, ofApis }, index) => ({
      ...{ clientId, name: safeName(name, language), headingId: `app-${index}`, buttonId: `end-${index}` },
      sentences: [...sentencesFor(scopes, language), ...ofApis.map((one) => fill(texts.ofApi, one, language))],
    })),
    ...{ action: `${APPS}/end`, token },
  }
}

function signInAddress(issuer: string): string {
  const query = new URLSearchParams({
    client_id: ACCOUNT_CLIENT_ID,
    redirect_uri: `${issuer}${ACCOUNT_CALLBACK}`,
    response_type: 'code',
    scope: 'openid',
    code_challenge: createHash('sha256').update(randomId()).digest('base64url'),
    code_challenge_method: 'S256',
  })
  return `/authorize?${query.toString()}`
}
