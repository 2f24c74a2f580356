/** A receiver of security events as grantor.yaml declares it: where events are pushed to, and by what it knows us. */

import { z } from 'zod'

import type { ReceiverSettings } from '../config.ts'
import { mapping, type Path, type Placed, pathText, repeated, wrong } from '../../registry/problems.ts'
import { type ReadFile, readSecretFile } from '../../registry/secrets/secret-file.ts'
import { isLoopback } from '../../registry/client/redirect-uris.ts'

export const receiverSchema = mapping({
  endpoint: z
    .string({ error: 'an https address' })
    .describe('Where it takes events; https, in development also http on this machine.'),
  audience: z
    .string({ error: 'a text that names the receiver' })
    .regex(/^[\x21-\x7e]{1,255}$/, { error: '1 to 255 visible ASCII characters' })
    .describe('What stands in `aud` of its events.'),
  bearer_token: z
    .string({ error: 'a text in quotes' })
    .optional()
    .describe(
      'The credential of this server there, sent as `Authorization: Bearer`; unset: the receiver checks only the signature.',
    ),
  bearer_token_file: z.string({ error: 'the path of a file' }).optional().describe('The file that holds the token.'),
})

export type ReceiverEntry = z.output<typeof receiverSchema>

/** The sentences about endpoints that are declared twice. */
export function repeatedReceivers(receivers: readonly Placed<ReceiverEntry>[]): string[] {
  const placed = receivers.map(({ path, entry }) => ({ path: [...path, 'endpoint'], name: entry.endpoint }))
  return repeated(
    placed,
    placed.map(({ name }) => name),
  )
}

export interface ReceiverContext {
  readonly production: boolean
  readonly readFile: ReadFile
  readonly problems: string[]
}

export function toReceiver(entry: ReceiverEntry, path: Path, context: ReceiverContext): ReceiverSettings {
  const wants = endpointWants(entry.endpoint, context.production)
  if (wants !== undefined) context.problems.push(wrong([...path, 'endpoint'], entry.endpoint, wants))
  return { endpoint: entry.endpoint, audience: entry.audience, token: tokenOf(entry, path, context) }
}

function endpointWants(endpoint: string, production: boolean): string | undefined {
  const url = URL.parse(endpoint)
  const plain = url !== null && url.username === '' && url.password === '' && url.hash === ''
  if (plain && url.protocol === 'https:') return undefined
  if (plain && url.protocol === 'http:' && !production && isLoopback(url.hostname)) return undefined
  return 'an https address without user, password or fragment'
}

function tokenOf(entry: ReceiverEntry, path: Path, { readFile, problems }: ReceiverContext): string | undefined {
  const at = pathText([...path, 'bearer_token'])
  const file = pathText([...path, 'bearer_token_file'])
  if (entry.bearer_token !== undefined && entry.bearer_token_file !== undefined) {
    problems.push(`${at} and ${file} are both set; remove one.`)
    return undefined
  }
  const token =
    entry.bearer_token_file === undefined
      ? entry.bearer_token
      : readSecretFile(file, entry.bearer_token_file, readFile, problems)?.trim()
  // As a header has it (RFC 6750 section 2.1).
  if (token === undefined || /^[\w.~+/-]+=*$/.test(token)) return token
  problems.push(
    `${at} has characters that no bearer token has (its value is not shown); it wants letters, digits and -._~+/.`,
  )
  return undefined
}
