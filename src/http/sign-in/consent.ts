/**
 * The page that asks whether an application may have what it wants.
 *
 * Agreed is to what was asked, as the engine holds it: the form carries no scopes, so nothing can be added to it.
 */

import type { Context } from 'koa'

import type { Account, Accounts } from '../../accounts/accounts.ts'
import type { Audit } from '../../audit/audit.ts'
import { InteractionGone } from '../../faults/sign-in.ts'
import type { Lifetimes } from '../../config/config.ts'
import { around, fill } from '../../i18n/fill.ts'
import type { Language } from '../../i18n/language.ts'
import type { Interaction, Interactions } from '../../engine/port.ts'
import type { FormGuard } from '../forms/form-guard.ts'
import { createPage, type PageModel } from '../pages/page.ts'
import { sendOn } from '../pages/send-on.ts'
import { sentencesFor } from '../pages/scope-sentences.ts'
import { safeName } from '../pages/shown-names.ts'
import type { Views } from '../pages/views.ts'

export type ConsentLifetimes = Pick<Lifetimes, 'sessionSeconds' | 'refreshTokenSeconds'>

export interface ConsentParts {
  readonly interactions: Pick<Interactions, 'finishConsent'>
  readonly accounts: Pick<Accounts, 'findAccount'>
  readonly audit: Pick<Audit, 'record'>
  readonly guard: FormGuard
  readonly views: Views
  readonly lifetimes: ConsentLifetimes
}

export interface ConsentPages {
  show(ctx: Context, interaction: Interaction): Promise<void>
  submit(ctx: Context, interaction: Interaction): Promise<void>
}

export function consentPages({ interactions, accounts, audit, guard, views, lifetimes }: ConsentParts): ConsentPages {
  const showPage = createPage(views, 'sign-in/consent', modelOf)

  async function getAccount({ accountId }: Interaction): Promise<Account> {
    const account = accountId === undefined ? undefined : await accounts.findAccount(accountId)
    if (account !== undefined && !account.disabled) return account
    throw new InteractionGone({ detail: 'no one is signed in, or the account was removed or disabled' })
  }

  return {
    async show(ctx, interaction) {
      const account = await getAccount(interaction)
      const { uid } = interaction
      const tokens = {
        consentToken: guard.tokenFor('consent', uid),
        abortToken: guard.tokenFor('abort', uid),
        switchToken: guard.tokenFor('switch', uid),
      }
      const facts = { interaction, account, lifetimes, ...tokens }
      const { logoUri } = interaction.client
      const images = logoUri === undefined ? [] : [logoUri]
      showPage(ctx, 200, facts, { formAction: [interaction.redirectUri], images, guardedForms: true })
    },

    async submit(ctx, interaction) {
      const { accountId, client } = interaction
      const address = await interactions.finishConsent(ctx.req, ctx.res)
      audit.record('consent.granted', {
        subject: accountId,
        clientId: client.clientId,
        address: ctx.ip,
        outcome: 'success',
      })
      sendOn(ctx, address)
    },
  }
}

interface ConsentFacts {
  readonly interaction: Interaction
  readonly account: Account
  readonly lifetimes: ConsentLifetimes
  readonly consentToken: string
  readonly abortToken: string
  readonly switchToken: string
}

function modelOf(facts: ConsentFacts, language: Language): PageModel {
  const { interaction, account, lifetimes, consentToken, abortToken, switchToken } = facts
  const { uid, client, asked } = interaction
  const texts = language.pages.consent
  return {
    ...{ title: texts.title, texts, heading: around(texts.heading, 'client'), warning: around(texts.warning, 'host') },
    clientName: safeName(client.clientName, language),
    logo: client.logoUri ?? '',
    redirectHost: client.redirectHost,
    accountName: safeName(nameOf(account), language),
    identitySentences: sentencesFor(asked.scopes, language),
    apis: asked.apis.map(({ name, scopes }, index) => ({
      name: safeName(name, language),
      headingId: `api-${index}`,
      sentences: scopes.map(({ sentence }) => sentence),
    })),
    lasts: howLong(asked.scopes, lifetimes, language),
    ...{ consentAction: `/interaction/${uid}/consent`, consentToken },
    ...{ abortAction: `/interaction/${uid}/abort`, abortToken },
    ...{ switchAction: `/interaction/${uid}/switch`, switchToken },
  }
}

/** Without `offline_access` access ends with the session; with it, with the refresh token. */
function howLong(scopes: readonly string[], lifetimes: ConsentLifetimes, language: Language): string {
  const { lastsAsSession, lastsOffline } = language.pages.consent
  const isOffline = scopes.includes('offline_access')
  const seconds = isOffline ? lifetimes.refreshTokenSeconds : lifetimes.sessionSeconds
  return fill(isOffline ? lastsOffline : lastsAsSession, { longest: { seconds } }, language)
}

function nameOf({ login, claims }: Account): string {
  return claims.name === undefined ? login : `${claims.name} (${login})`
}
