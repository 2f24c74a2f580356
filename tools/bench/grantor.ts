/** Grantor itself, as `src/main.ts` starts it. */

import { Provider } from 'oidc-provider'

import { startApp } from '../../src/app.ts'
import { createLog } from '../../src/audit/log.ts'
import { createLogOutput } from '../../src/audit/log-output.ts'
import { giveBackSpareMemory } from '../../src/base/spare-memory.ts'
import { benchConfig, CLAIMS, type GrantorOptions } from './configuration.ts'
import type { Served } from './served.ts'

const LOGIN = { login: 'alice@example.com', password: 'wonderland-2026' }

export async function serveGrantor(options: GrantorOptions): Promise<Served> {
  const config = { ...benchConfig(options), host: '127.0.0.1', demoAccounts: [{ ...LOGIN, claims: CLAIMS }] }
  const log = createLog({ level: config.logLevel, destination: createLogOutput({ stream: process.stdout }) })
  const engine = overhearEngine()
  const app = await startApp(config, { log, ownsProcess: true })
  giveBackSpareMemory()
  const account = await app.accounts.findAccountByLogin(LOGIN.login)
  if (account === undefined) throw new Error('the demo account is not there')

  return {
    port: Number(new URL(app.url).port),
    provider: engine(),
    accountId: account.id,
    jwks: app.keyring.current().signingJwks,
    close: () => app.close(),
  }
}

/**
 * The application does not expose its engine. This replaces the call that asks the engine for its callback, to keep it.
 */
function overhearEngine(): () => Provider {
  let heard: Provider | undefined
  const hear = (provider: Provider) => {
    heard = provider
  }
  const callback = Reflect.get(Provider.prototype, 'callback') as () => ReturnType<Provider['callback']>
  Provider.prototype.callback = function overheard(this: Provider) {
    hear(this)
    return callback.call(this)
  }
  return () => {
    if (heard === undefined) throw new Error('no engine was built')
    return heard
  }
}
