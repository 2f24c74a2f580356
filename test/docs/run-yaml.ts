/** Reads a YAML block of a page as a server reads its grantor.yaml, with what the block leaves out added. */

import { dump, load } from 'js-yaml'

import { loadConfig } from '../../src/config/load-config.ts'
import type { Config } from '../../src/config/config.ts'
import { ISSUER } from './run-shell.ts'

interface File {
  apis?: Api[]
  clients?: { client_id?: string; apis?: Record<string, string[]> }[]
}

interface Api {
  audience: string
  scopes?: Record<string, string>
  [setting: string]: unknown
}

const SECRET = 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA'
const SHA256 = 'bcf13257a3e8cba4e8d8bb5d2c1f1d8a8a5b9d1d3a5c1f0e7d6b4c3a2f1e0d9c'

/** Throws what a server would say. */
export function loadYaml(text: string): Config {
  const file = completed(load(text.replaceAll('…', SHA256)) as File & { token?: unknown })
  const env = {
    NODE_ENV: 'production',
    TRUST_PROXY: 'none',
    ISSUER,
    GRANTOR_ROOT_KEY: SECRET,
    GRANTOR_CONFIG: 'grantor.yaml',
  }
  const readFile = (path: string) => (path.endsWith('grantor.yaml') ? dump(file) : `${SECRET}\n`)
  return loadConfig({ env, cwd: '/', readFile })
}

const ANY_CLIENT = { client_id: 'any', grant_types: ['client_credentials'], client_secret_sha256: SHA256 }

/** A block shows a part: APIs that clients of it call are declared, and a part of an API stands in one. */
function completed({ token, ...file }: File & { token?: unknown }): File {
  const apis = [...(file.apis ?? []), ...(token === undefined ? [] : [{ audience: 'https://api.example', token }])]
  const called = (file.clients ?? []).flatMap((client) => Object.entries(client.apis ?? {}))
  for (const [audience, scopes] of called) {
    if (audience === ISSUER || apis.some((api) => api.audience === audience)) continue
    apis.push({ audience, scopes: Object.fromEntries(scopes.map((scope) => [scope, `Use ${scope}`])) })
  }
  const complete = apis.map((api) => ({ scopes: { 'a:read': 'Read a' }, ...api }))
  const clients = file.clients ?? [ANY_CLIENT]
  return { ...file, clients, ...(complete.length > 0 && { apis: complete }) }
}
