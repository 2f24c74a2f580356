/** `grantor apis`: what tokens are for. They are declared in grantor.yaml; this shows them. */

import { Command } from 'commander'

import { formatDuration } from '../../base/duration.ts'
import { readConfig } from '../domain.ts'
import { JSON_OPTION, print } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

export function apisCommand(terminal: Terminal): Command {
  const command = new Command('apis').description('the APIs that tokens are for')
  command
    .command('list')
    .description('every API with its scopes and how its tokens look')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor apis list')
    .action(({ json }: { json?: boolean }) => {
      const apis = readConfig(terminal).apis.map((api) => ({ ...api, secret: undefined }))
      const rows = apis.map((api) => ({
        audience: api.audience,
        name: api.name,
        tokens: api.tokenFormat === 'jwt' ? `jwt ${api.algorithm}` : api.tokenFormat,
        lifetime: formatDuration(api.accessTokenSeconds),
        scopes: Object.keys(api.scopes).join(' '),
      }))
      print(terminal, json, rows, apis)
    })
  return command
}
