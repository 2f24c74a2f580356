/**
 * Where a person can go on from an error page: to the application's registered start page, or to a new sign-in.
 *
 * Each address was registered by the client, or is the authorization request that this browser sent before. None is a
 * parameter of the request that failed, so an error page is no open redirect.
 */

import type { KoaContextWithOIDC } from 'oidc-provider'

import type { Clients } from '../../clients/clients.ts'
import type { ClientSettings } from '../../registry/client/client.ts'
import { cookieNames } from '../configuration/browsers.ts'
import { ENGINE_PATHS } from '../paths.ts'
import { type BegunRequest, findRequest } from './begun-request.ts'
import type { WaysOut } from './interactions.ts'

/** Neither throws: an error page is shown while the store is away as well. */
export interface WaysOutFinder {
  /** By the sign-in in the address, when this browser began it. */
  readonly ofSignIn: (ctx: Pick<KoaContextWithOIDC, 'cookies' | 'path'>) => Promise<WaysOut | undefined>
  /** At an address of the engine: by its sign-in, else by the client whose request it is. */
  readonly ofRequest: (ctx: KoaContextWithOIDC) => Promise<WaysOut | undefined>
}

interface Parts {
  readonly issuer: string
  readonly clients: Pick<Clients, 'findClient'>
}

const SIGN_IN = /^\/(?:interaction|authorize)\/([\w-]+)/

export function createWaysOut({ issuer, clients }: Parts): WaysOutFinder {
  const names = cookieNames(issuer)

  async function of(clientId: string, begun?: BegunRequest): Promise<WaysOut | undefined> {
    const client = await clients.findClient(clientId).catch(() => undefined)
    if (client === undefined) return undefined
    const { clientName, clientUri } = client
    return { clientName, restart: restartOf(client, begun), application: clientUri }
  }

  function restartOf({ initiateLoginUri }: ClientSettings, begun: BegunRequest | undefined): string | undefined {
    if (initiateLoginUri !== undefined) return startAt(initiateLoginUri, issuer)
    return begun === undefined || begun.query === '' ? undefined : `${ENGINE_PATHS.authorization}?${begun.query}`
  }

  const ofSignIn: WaysOutFinder['ofSignIn'] = async (ctx) => {
    const uid = SIGN_IN.exec(ctx.path)?.[1]
    const begun = uid === undefined ? undefined : findRequest(ctx, names, uid)
    return begun && of(begun.clientId, begun)
  }

  return {
    ofSignIn,
    async ofRequest(ctx) {
      const clientId = ctx.oidc?.client?.clientId
      return (await ofSignIn(ctx)) ?? (clientId === undefined ? undefined : of(clientId))
    },
  }
}

/** A login that a third party initiates says which issuer it is for (OpenID Connect Core section 4). */
function startAt(initiateLoginUri: string, issuer: string): string {
  const url = new URL(initiateLoginUri)
  url.searchParams.set('iss', issuer)
  return url.href
}
