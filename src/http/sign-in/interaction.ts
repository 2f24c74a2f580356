/**
 * The pages between an application's request and its answer: who are you, and do you agree.
 *
 * `GET /interaction/:uid` shows the page that is due; each form posts to an address of its own, and only those change
 * anything.
 */

import type { Context } from 'koa'

import type { Audit } from '../../audit/audit.ts'
import { InteractionGone } from '../../faults/sign-in.ts'
import type { Interaction, Interactions } from '../../engine/port.ts'
import { type Form, readForm } from '../forms/form.ts'
import type { FormGuard, FormPurpose } from '../forms/form-guard.ts'
import { type ConsentParts, consentPages } from './consent.ts'
import { type LoginParts, loginPages } from './login.ts'
import type { PageHandlers } from '../pages/handlers.ts'
import { sendOn } from '../pages/send-on.ts'

export interface InteractionParts extends LoginParts, ConsentParts {
  readonly interactions: Interactions
  readonly audit: Pick<Audit, 'record'>
  readonly guard: FormGuard
}

export function interactionPages(parts: InteractionParts): PageHandlers {
  const { interactions, audit } = parts
  const login = loginPages(parts)
  const consent = consentPages(parts)

  return {
    async interaction(ctx) {
      const interaction = await findInteraction(interactions, ctx)
      if (interaction.prompt === 'login') login.show(ctx, interaction)
      else await consent.show(ctx, interaction)
    },

    async login(ctx) {
      const { interaction, form } = await acceptForm(parts, ctx, 'login')
      refuseOtherPrompts(interaction, 'login')
      await login.submit(ctx, interaction, form)
    },

    async consent(ctx) {
      const { interaction } = await acceptForm(parts, ctx, 'consent')
      refuseOtherPrompts(interaction, 'consent')
      await consent.submit(ctx, interaction)
    },

    async 'switch-account'(ctx) {
      const { interaction } = await acceptForm(parts, ctx, 'switch')
      refuseOtherPrompts(interaction, 'consent')
      sendOn(ctx, await interactions.switchAccount(ctx.req, ctx.res))
    },

    async abort(ctx) {
      const { interaction } = await acceptForm(parts, ctx, 'abort')
      const address = await interactions.abort(ctx.req, ctx.res)
      if (interaction.prompt === 'consent') {
        const { accountId, client } = interaction
        audit.record('consent.denied', {
          subject: accountId,
          clientId: client.clientId,
          address: ctx.ip,
          outcome: 'success',
        })
      }
      sendOn(ctx, address)
    },
  }
}

interface Accepted {
  readonly interaction: Interaction
  readonly form: Form
}

/** The form, once it is certain that our page for this interaction sent it. The cheap checks come first. */
async function acceptForm(parts: InteractionParts, ctx: Context, purpose: FormPurpose): Promise<Accepted> {
  parts.guard.refuseOtherOrigins(ctx)
  const form = await readForm(ctx.req)
  parts.guard.refuseOtherForms(form, purpose, ctx.params.uid)
  return { interaction: await findInteraction(parts.interactions, ctx), form }
}

/** The cookie decides which interaction it is; an address that names another one is not this browser's. */
async function findInteraction(interactions: Interactions, ctx: Context): Promise<Interaction> {
  const interaction = await interactions.find(ctx.req, ctx.res)
  if (interaction.uid !== ctx.params.uid) throw new InteractionGone({ detail: 'the cookie names another interaction' })
  return interaction
}

/** A form of a page that is no longer due: the answer was given already, perhaps in another tab. */
function refuseOtherPrompts(interaction: Interaction, prompt: Interaction['prompt']): void {
  if (interaction.prompt !== prompt)
    throw new InteractionGone({ detail: `${interaction.prompt} is due, not ${prompt}` })
}
