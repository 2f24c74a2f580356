/** What only a server in development shows: the demo account on the login page, and the tour. */

import type { Config } from '../../config/config.ts'
import type { PagesOptions } from '../pages/pages.ts'

const TOUR_CLIENT = 'grantor-tour'

export function developmentPages(
  { production, demoAccounts, clients }: Config,
  selfUrl: () => string,
): Pick<PagesOptions, 'demo' | 'tour'> {
  if (production) return {}
  const [account] = demoAccounts
  return {
    ...(account === undefined ? {} : { demo: { login: account.login, password: account.password } }),
    ...(clients.some(({ clientId }) => clientId === TOUR_CLIENT) ? { tour: { selfUrl } } : {}),
  }
}
