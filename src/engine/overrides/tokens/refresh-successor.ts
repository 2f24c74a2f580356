/** Which refresh token a refresh is answered with. */

import type { Provider } from 'oidc-provider'

import { requestScope } from '../../request/scope.ts'
import { defineMethod, type Override } from '../override.ts'

export const refreshSuccessor: Override = {
  members: ['RefreshToken#save'],
  without: 'refuse',
  apply: settleSuccessors,
}

/** The engine answers with the refresh token it made up; where another request was first, the store says which it is. */
function settleSuccessors(provider: Provider): void {
  const save = Reflect.get(provider.RefreshToken.prototype, 'save') as () => Promise<string>
  defineMethod(provider.RefreshToken, 'save', async function settle(this: InstanceType<typeof provider.RefreshToken>) {
    const made = await save.call(this)
    const state = requestScope().source?.state
    return state?.is === 'repeated' ? state.successor : made
  })
}
