/** `grantor export`: what the store holds of a file, as a file: sorted, and with secrets as references. */

import { Command } from 'commander'

import type { Config } from '../../config/config.ts'
import { demoSeed } from '../../config/demo.ts'
import { yamlText } from '../../config/file/yaml-text.ts'
import type { Declarations } from '../../registration/differences.ts'
import { apiEntry, clientEntry } from '../../registry/entries.ts'
import { ownApi } from '../../registry/api/own-api.ts'
import { apiText } from '../../registry/record-text.ts'
import { withDomain } from '../domain.ts'
import type { Terminal } from '../terminal/terminal.ts'

export function exportCommand(terminal: Terminal): Command {
  return new Command('export')
    .description(
      'print the declared clients and APIs of the store as a grantor.yaml; secrets are references, not values',
    )
    .addHelpText('after', '\nExamples:\n  grantor export > grantor.yaml\n  grantor export | grantor plan -')
    .action(async () => {
      await withDomain(terminal, async ({ config, registration }) => {
        terminal.out(yamlText(fileOf(await registration.file.read(), config)))
      })
    })
}

function fileOf({ apis, clients, defaultApi }: Declarations, config: Config): object {
  const isDemo = config.demoAccounts.length > 0
  const seed = demoSeed(config.issuer)
  const names = [...seed.clients.map((one) => one.clientId), ...seed.apis.map((one) => one.audience)]
  const seeded = new Set(isDemo ? names : [])
  // Records that a server has without a file are not exported.
  const own = apiText(ownApi(config.issuer))
  return {
    ...(config.production || isDemo ? {} : { demo: false }),
    ...(defaultApi === undefined ? {} : { default_api: defaultApi }),
    apis: apis.filter((api) => !seeded.has(api.audience) && apiText(api) !== own).map(apiEntry),
    clients: clients.filter((client) => !seeded.has(client.clientId)).map(clientEntry),
  }
}
