/** The pages' translated to the engine: which sign-in is this, and how did it end (see interactions.ts). */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { errors, type Grant, type InteractionResults, type Provider } from 'oidc-provider'

import type { Consents } from '../../grants/consents.ts'
import type { Apis } from '../../apis/apis.ts'
import { type Clock, epochSeconds } from '../../base/clock.ts'
import { InteractionGone } from '../../faults/sign-in.ts'
import { cookieNames } from '../configuration/browsers.ts'
import { inOurWords } from '../request/errors.ts'
import { randomId } from '../../base/ids.ts'
import { readFlowCookies, writeFlowCookies } from './flow-cookies.ts'
import type { Asked, Interaction, Interactions } from './interactions.ts'
import { inRequestScope } from '../request/scope.ts'
import type { SessionGrants } from './session-grants.ts'
import type { WaysOutFinder } from './ways-out.ts'

interface Parts {
  readonly issuer: string
  readonly clock: Clock
  readonly apis: Apis
  readonly consents: Consents
  readonly sessionGrants: SessionGrants
  readonly waysOut: WaysOutFinder
}

type EngineInteraction = Awaited<ReturnType<Provider['interactionDetails']>>

export function createInteractions(
  provider: Provider,
  { issuer, clock, apis, consents, sessionGrants, waysOut }: Parts,
): Interactions {
  const names = cookieNames(issuer)

  return {
    find: (req, res) => translated(async () => describe(await details(req, res))),

    finishLogin: (req, res, accountId, foundAt) =>
      translated(async () => {
        await details(req, res, 'login')
        return finish(req, res, { login: { accountId, amr: ['pwd'], ts: foundAt } })
      }),

    finishConsent: (req, res) =>
      translated(async () => {
        const interaction = await details(req, res, 'consent')
        return finish(req, res, { consent: { grantId: await grant(interaction) } }, true)
      }),

    abort: (req, res) =>
      translated(async () => {
        await details(req, res)
        return finish(req, res, { error: 'access_denied', error_description: 'the person said no' })
      }),

    // The engine then ends the session of the account that was signed in, as for any login of another one.
    switchAccount: (req, res) =>
      translated(async () => {
        const interaction = await details(req, res, 'consent')
        interaction.prompt = { name: 'login', reasons: ['switch_account'], details: {} }
        // The application's guess was the wrong person.
        delete interaction.params.login_hint
        await interaction.save(interaction.exp - epochSeconds(clock))
        return `/interaction/${interaction.uid}`
      }),

    waysOut: (req, res) => waysOut.ofSignIn(provider.createContext(req, res)),
  }

  /** The sign-in of the cookie that belongs to this address. A form for another prompt than the one due is refused. */
  async function details(req: IncomingMessage, res: ServerResponse, due?: string): Promise<EngineInteraction> {
    readFlowCookies(req, names)
    const interaction = await provider.interactionDetails(req, res).finally(() => writeFlowCookies(res, names))
    const uidInAddress = (req.url ?? '').split(/[/?]/)[2]
    if (interaction.uid !== uidInAddress) throw new InteractionGone({ detail: 'the cookie is of another sign-in' })
    if (due !== undefined && interaction.prompt.name !== due) {
      throw new InteractionGone({ detail: `a form for ${due}, but ${interaction.prompt.name} is due` })
    }
    return interaction
  }

  function finish(req: IncomingMessage, res: ServerResponse, result: InteractionResults, merge = false) {
    const answer = provider.interactionResult(req, res, result, { mergeWithLastSubmission: merge })
    return answer.finally(() => writeFlowCookies(res, names))
  }

  async function describe(interaction: EngineInteraction): Promise<Interaction> {
    const { params, prompt, session, uid } = interaction
    const client = await provider.Client.find(String(params.client_id))
    if (client === undefined) throw new InteractionGone({ detail: 'its client was removed' })
    const redirectUri = String(params.redirect_uri)
    const loginHint = params.login_hint
    return {
      uid,
      foundAt: epochSeconds(clock),
      prompt: prompt.name === 'consent' ? 'consent' : 'login',
      client: {
        clientId: client.clientId,
        clientName: client.clientName ?? client.clientId,
        logoUri: client.logoUri,
        redirectHost: URL.parse(redirectUri)?.host || redirectUri,
      },
      redirectUri,
      loginHint: typeof loginHint === 'string' ? loginHint : undefined,
      accountId: session?.accountId,
      asked: inWords(await wanted(interaction)),
    }
  }

  /**
   * The scopes that were not granted yet; all of them when the client requires a new consent. Offline access is always
   * asked for in this way, and the page names it (OpenID Connect Core section 11).
   */
  async function wanted({ prompt, params, grantId }: EngineInteraction): Promise<MissingScopes> {
    const missing = prompt.details as MissingScopes
    const grant = prompt.reasons.includes('consent_prompt') ? await existing(grantId) : undefined
    if (grant === undefined) return missing
    const requested = (typeof params.scope === 'string' ? params.scope : '').split(' ')
    const all = (granted: string, more: readonly string[] = []) => {
      return requested.filter((scope) => more.includes(scope) || granted.split(' ').includes(scope))
    }
    const missingApis = missing.missingResourceScopes ?? {}
    const audiences = new Set([...Object.keys(grant.resources ?? {}), ...Object.keys(missingApis)])
    const apis = [...audiences].map((one) => [one, all(grant.getResourceScope(one), missingApis[one])] as const)
    return {
      missingOIDCScope: all(grant.getOIDCScope(), missing.missingOIDCScope),
      missingResourceScopes: Object.fromEntries(apis.filter(([, scopes]) => scopes.length > 0)),
    }
  }

  function inWords({ missingOIDCScope = [], missingResourceScopes = {} }: MissingScopes): Asked {
    return {
      scopes: missingOIDCScope,
      apis: Object.entries(missingResourceScopes).map(([audience, scopes]) => ({
        audience,
        name: apis.findApi(audience)?.name ?? audience,
        scopes: scopes.map((scope) => ({ scope, sentence: apis.sentenceFor(audience, scope) })),
      })),
    }
  }

  /** Grants what was asked, no more and no less: nothing of it is read from the form. */
  async function grant({ grantId, params, prompt, session }: EngineInteraction): Promise<string> {
    const accountId = session?.accountId
    const clientId = String(params.client_id)
    if (accountId === undefined) throw new InteractionGone({ detail: 'consent without a session' })
    const client = await provider.Client.find(clientId)
    if (client === undefined) throw new InteractionGone({ detail: 'its client was removed' })
    const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details as MissingScopes
    const add = (to: Grant) => {
      if (missingOIDCScope.length > 0) to.addOIDCScope(missingOIDCScope.join(' '))
      for (const [audience, scopes] of Object.entries(missingResourceScopes)) {
        to.addResourceScope(audience, scopes.join(' '))
      }
    }
    const made = new provider.Grant({ accountId, clientId })
    add(made)
    const sessionUid = session?.uid ?? randomId()
    const grant = (await existing(grantId)) ?? (await sessionGrants.settle(provider, made, { sessionUid, client }))
    if (grant !== made) {
      add(grant)
      await grant.save()
    }
    await consents.rememberConsent(accountId, clientId, { scopes: missingOIDCScope, apis: missingResourceScopes })
    return grant.jti
  }

  async function existing(grantId: string | undefined) {
    return grantId === undefined ? undefined : provider.Grant.find(grantId)
  }
}

interface MissingScopes {
  readonly missingOIDCScope?: string[]
  readonly missingResourceScopes?: Record<string, string[]>
}

/** The engine's errors in our words. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await inOurWords(() => inRequestScope(work))
  } catch (error) {
    throw error instanceof errors.SessionNotFound ? new InteractionGone({ cause: error }) : error
  }
}
