/** The text in the terminal when a development server listens. Production logs one line instead. */

import type { Config } from '../../config/config.ts'

export function banner(config: Config, { opsUrl }: { opsUrl: string }): string {
  const { issuer, demoAccounts, clients, redisUrl, dataDir } = config
  const lines = [
    '',
    `  Grantor listens: ${issuer}`,
    '',
    ...(clients.some(({ clientId }) => clientId === 'grantor-tour') ? [`  Sign in          ${issuer}/tour`] : []),
    ...demoAccounts.map(({ login, password }) => `  Demo user        ${login} / ${password}`),
    ...clients.filter(({ clientId }) => clientId.startsWith('demo-')).map(clientLine),
    '',
    `  Discovery        ${issuer}/.well-known/openid-configuration`,
    `  Health           ${opsUrl}/health/ready`,
    `  Store            ${redisUrl === undefined ? `${dataDir}/grantor.db (SQLite)` : 'Redis'}`,
    '',
    '  Next: npm run samples (three APIs, a web app, an SPA) or npm run demo (every flow, every refusal).',
    '  For development only: the demo user, clients and secrets are public knowledge.',
    '',
  ]
  return lines.join('\n')
}

function clientLine({ clientId, authMethod, grantTypes }: Config['clients'][number]): string {
  const kind = grantTypes.includes('client_credentials') ? 'client credentials' : 'code + PKCE'
  const secret = authMethod === 'none' ? 'public' : `secret ${clientId}-secret-not-for-production`
  return `  Demo client      ${clientId} (${kind}, ${secret})`
}
