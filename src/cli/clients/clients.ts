/** `grantor clients`: the applications that may ask for tokens. They are declared in grantor.yaml; this shows them. */

import { Command } from 'commander'

import { generateSecret, hashSecret } from '../../clients/secrets.ts'
import { readConfig } from '../domain.ts'
import { JSON_OPTION, jsonText, print } from '../terminal/print.ts'
import type { Terminal } from '../terminal/terminal.ts'

export function clientsCommand(terminal: Terminal): Command {
  const command = new Command('clients').description('the applications that may ask for tokens')
  command
    .command('list')
    .description('every client, of grantor.yaml and of the demo seed')
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  grantor clients list')
    .action(({ json }: { json?: boolean }) => {
      const clients = readConfig(terminal).clients.map((client) => ({ ...client, secretHash: undefined }))
      const rows = clients.map((client) => ({
        client: client.clientId,
        name: client.clientName,
        authentication: client.authMethod,
        grants: client.grantTypes.join(' '),
      }))
      print(terminal, json, rows, clients)
    })
  command
    .command('secret')
    .description(
      'draw a new client secret and print it this once, with the line for grantor.yaml that does not tell it',
    )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nGive the secret to the client and put the second line under that client in grantor.yaml.\n\nExample:\n  grantor clients secret',
    )
    .action(({ json }: { json?: boolean }) => {
      const secret = generateSecret()
      const fresh = { client_secret: secret, client_secret_sha256: hashSecret(secret) }
      if (json === true) terminal.out(jsonText(fresh))
      else for (const [name, value] of Object.entries(fresh)) terminal.out(`${name}: ${value}`)
    })
  return command
}
