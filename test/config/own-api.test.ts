/** The server as an API of its own. */

import { expect, it } from 'vitest'

import { loadConfig } from '../../src/config/load-config.ts'

const ISSUER = 'https://login.example'
const CLIENT = {
  client_id: 'orders-api',
  client_secret_sha256: 'S7v3hC2mJq0XkQ9dYw4nTzL8uEoB5rGfAi1PxNcVtKs',
  grant_types: ['client_credentials'],
  apis: { [ISSUER]: ['revocations:read'] },
}

function load(file: object) {
  const rootKey = { GRANTOR_ROOT_KEY: 'kq3b7b9mC0sQw1yLx5dZt8uNfVhGjRpE2aXoTiKlMzA' }
  const env = { NODE_ENV: 'production', ISSUER, TRUST_PROXY: 'none', ...rootKey }
  return loadConfig({ env, cwd: '/srv', readFile: () => JSON.stringify(file) })
}

it('is there in production without being declared, so that a client can be let read the revocations', () => {
  const { apis, defaultApi } = load({ clients: [CLIENT] })

  expect(apis).toEqual([expect.objectContaining({ audience: ISSUER, tokenFormat: 'jwt', introspectedBy: [] })])
  expect(Object.keys(apis[0]?.scopes ?? {})).toEqual(['revocations:read'])
  expect(defaultApi).toBeUndefined()
})

it('gives way to one that the operator declares', () => {
  const declared = { audience: ISSUER, scopes: { 'revocations:read': 'Hear of it' }, token: { lifetime: '60s' } }

  const { apis } = load({ apis: [declared], clients: [CLIENT] })

  expect(apis.map(({ accessTokenSeconds }) => accessTokenSeconds)).toEqual([60])
})
