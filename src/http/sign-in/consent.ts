/**
 * The page that asks whether an application may have what it wants.
 *
 * Agreed is to what was asked, as the engine holds it: the form carries no scopes, so nothing can be added to it.
 */

import type { Context } from 'koa'

import type { Account, Accounts } from '../../accounts/accounts.ts'
import type { Audit } from '../../audit/audit.ts'
import { InteractionGone } from '../../faults/sign-in.ts'
import type { Interaction, Interactions } from '../../engine/port.ts'
import type { FormGuard } from '../forms/form-guard.ts'
import { type ConsentLifetimes, sayHowLong } from './duration-text.ts'
import type { Renderer } from '../pages/render.ts'
import { sendOn, showPage } from '../pages/reply.ts'
import { sentencesFor } from '../pages/scope-sentences.ts'

export interface ConsentParts {
  readonly interactions: Pick<Interactions, 'finishConsent'>
  readonly accounts: Pick<Accounts, 'findAccount'>
  readonly audit: Pick<Audit, 'record'>
  readonly guard: FormGuard
  readonly renderer: Renderer
  readonly lifetimes: ConsentLifetimes
}

export interface ConsentPages {
  show(ctx: Context, interaction: Interaction): Promise<void>
  submit(ctx: Context, interaction: Interaction): Promise<void>
}

export function consentPages({
  interactions,
  accounts,
  audit,
  guard,
  renderer,
  lifetimes,
}: ConsentParts): ConsentPages {
  async function getAccount({ accountId }: Interaction): Promise<Account> {
    const account = accountId === undefined ? undefined : await accounts.findAccount(accountId)
    if (account !== undefined && !account.disabled) return account
    throw new InteractionGone({ detail: 'no one is signed in, or the account was removed or disabled' })
  }

  return {
    async show(ctx, interaction) {
      const { uid, client, asked, redirectUri } = interaction
      const page = {
        clientName: client.clientName,
        redirectHost: client.redirectHost,
        accountName: nameOf(await getAccount(interaction)),
        identitySentences: sentencesFor(asked.scopes),
        apis: asked.apis.map(({ name, scopes }) => ({ name, sentences: scopes.map(({ sentence }) => sentence) })),
        lasts: sayHowLong(asked.scopes, lifetimes),
        consentAction: `/interaction/${uid}/consent`,
        consentToken: guard.tokenFor('consent', uid),
        abortAction: `/interaction/${uid}/abort`,
        abortToken: guard.tokenFor('abort', uid),
      }
      showPage(ctx, 200, (nonce) => renderer.renderConsentPage({ ...page, nonce }), {
        formAction: [redirectUri],
        guardedForms: true,
      })
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

function nameOf({ login, claims }: Account): string {
  return claims.name === undefined ? login : `${claims.name} (${login})`
}
