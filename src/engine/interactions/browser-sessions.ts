/** The person who is signed in in this browser, for pages of ours that belong to no application's sign-in. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'

import { inOurWords } from '../request/errors.ts'
import { inRequestScope } from '../request/scope.ts'

export interface SignedIn {
  readonly accountId: string
  readonly sessionUid: string
  /** Epoch seconds. */
  readonly signedInAt: number
}

export interface BrowserSessions {
  /**
   * Found by the session's cookie; `undefined` when no one is signed in. Does not extend the session. Throws
   * `StoreUnavailable`.
   */
  find(req: IncomingMessage, res: ServerResponse): Promise<SignedIn | undefined>
}

export function createBrowserSessions(provider: Provider): BrowserSessions {
  return {
    find: (req, res) =>
      inOurWords(() =>
        inRequestScope(async () => {
          const session = await provider.Session.get(provider.createContext(req, res))
          const { accountId, uid, loginTs } = session
          return accountId === undefined ? undefined : { accountId, sessionUid: uid, signedInAt: loginTs ?? 0 }
        }),
      ),
  }
}
