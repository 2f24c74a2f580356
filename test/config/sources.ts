/** Settings for one test: an environment, a grantor.yaml and other files, none of which touches the disk. */

import { ConfigInvalid } from '../../src/faults/start.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load-config.ts'

export interface TestSources {
  readonly env?: Record<string, string>
  /** The text of grantor.yaml. */
  readonly yaml?: string
  /** Further files by absolute path; the current folder is /srv. */
  readonly files?: Record<string, string>
}

export function load({ env = {}, yaml, files = {} }: TestSources = {}): Config {
  const all: Record<string, string> = yaml === undefined ? files : { ...files, '/srv/grantor.yaml': yaml }
  return loadConfig({
    env,
    cwd: '/srv',
    readFile(path) {
      const text = all[path]
      if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
      return text
    },
  })
}

/** The sentences of the refusal; none when the settings are accepted. */
export function problemsOf(sources: TestSources): readonly string[] {
  try {
    load(sources)
    return []
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems
    throw error
  }
}

/** A production environment in which nothing is missing. */
export const PRODUCTION = {
  NODE_ENV: 'production',
  TRUST_PROXY: 'none',
  ISSUER: 'https://auth.example.com',
  GRANTOR_ROOT_KEY: 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA',
}

/** The hash of some secret, for clients that need one. */
export const SHA256 = 'zbmI7YvPhQBKbw_7U3Q9CEC1zVuP5ANDfog1dFLV_h0'

/** A grantor.yaml with one web client, changed by what a test is about. */
export function oneClient(changes = ''): string {
  return `clients:\n  - client_id: shop\n    client_secret_sha256: ${SHA256}\n    redirect_uris: [https://shop.example/callback]\n${changes.replace(/^(?=.)/gm, '    ')}`
}
