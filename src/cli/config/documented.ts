/**
 * The settings under the names that docs/settings.md gives them, each with the value that is in force.
 *
 * A test compares the names with the declarations of the environment and of grantor.yaml.
 */

import { formatDuration } from '../../base/duration.ts'
import type { Config } from '../../config/config.ts'
import type { SettingName } from '../../config/environment/settings.ts'
import { LIFETIMES } from '../../config/file/lifetimes.ts'

const HIDDEN = '(hidden)'
const MEGABYTE = 1024 * 1024

export type Documented = Readonly<Record<string, unknown>>

/** `undefined` where a setting has no value. A secret is replaced by a word. */
export function documentedSettings(config: Config): Documented {
  return { ...ofEnvironment(config), ...ofFile(config) }
}

function ofEnvironment(config: Config): Record<SettingName, unknown> {
  return {
    NODE_ENV: config.production ? 'production' : 'development',
    PORT: config.port,
    HOST: config.host,
    ISSUER: config.issuer,
    REDIS_URL: config.redisUrl?.replace(/:\/\/[^/@]*@/, `://${HIDDEN}@`).replace(/\?.*$/, `?${HIDDEN}`),
    REDIS_REPLICAS: config.redisReplicas,
    DATA_DIR: config.dataDir,
    DATA_DIR_FREE_MB: config.dataDirFreeBytes && config.dataDirFreeBytes / MEGABYTE,
    WORKERS: config.workers,
    STOP_DELAY_SECONDS: config.stopDelaySeconds,
    OPS_PORT: config.opsPort,
    OPS_HOST: config.opsHost,
    LOG_LEVEL: config.logLevel,
    TRUST_PROXY: config.trustProxy,
    FETCH_PRIVATE_HOSTS: config.privateHosts,
    GRANTOR_ROOT_KEY: hidden(config.rootKey),
    GRANTOR_ROOT_KEY_NEXT: hidden(config.nextRootKey),
    GRANTOR_KEYS_DIR: config.keysDir,
    GRANTOR_CONFIG: config.file,
    GRANTOR_ALLOW_DELETE: config.allowDelete,
  }
}

/** What `issuer` says in the file stands under ISSUER, which it sets. */
function ofFile(config: Config): Documented {
  const { keys, signer, logins, clientAuthentication } = config
  return {
    default_api: config.defaultApi,
    demo: config.demoAccounts.length > 0,
    ...Object.fromEntries(
      Object.entries(LIFETIMES).map(([name, { field }]) => [
        `lifetimes.${name}`,
        formatDuration(config.lifetimes[field]),
      ]),
    ),
    'keys.rotation': formatDuration(keys.rotationSeconds),
    'keys.jwks_max_age': formatDuration(keys.maxAgeSeconds),
    'keys.margin': formatDuration(keys.marginSeconds),
    'keys.wait_for_verifiers': formatDuration(keys.waitForVerifiersSeconds),
    'keys.signer': signer && {
      socket: signer.socket,
      timeout: formatDuration(signer.timeoutMs / 1000),
      at_once: signer.atOnce,
      new_keys: signer.newKeys,
    },
    'logins.attempts_per_account': logins.attemptsPerAccount,
    'logins.attempts_per_address': logins.attemptsPerAddress,
    'logins.attempts_per_network': logins.attemptsPerNetwork,
    'logins.window': formatDuration(logins.windowSeconds),
    'logins.concurrent_hashes': logins.concurrentHashes,
    'logins.waiting_hashes': logins.waitingHashes,
    'client_authentication.attempts': clientAuthentication.attempts,
    'client_authentication.window': formatDuration(clientAuthentication.windowSeconds),
    'dpop.require_nonce': config.dpop.requireNonce,
    fast_path: config.fastPath,
    'well_known.change_password': config.wellKnown.changePassword,
    'well_known.security_txt': config.wellKnown.securityText,
    ...Object.fromEntries(
      (['name', 'logo', 'colour', 'help', 'privacy', 'terms'] as const).map((name) => [
        `branding.${name}`,
        config.branding[name],
      ]),
    ),
    apis: config.apis.map(({ audience }) => audience),
    clients: config.clients.map(({ clientId }) => clientId),
    revocation_receivers: config.receivers.map(({ endpoint }) => endpoint),
  }
}

function hidden(secret: unknown): string | undefined {
  return secret === undefined ? undefined : HIDDEN
}
