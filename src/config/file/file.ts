/**
 * grantor.yaml: what the operator declares beyond single settings. Read strictly: what is not known is refused.
 *
 * Clients and APIs are judged one by one, so that a mistake in one of them does not hide the mistakes in the others.
 */

import { z } from 'zod'

import { type ApiEntry, apiSchema } from '../../registry/api/rules.ts'
import { type ClientEntry, clientSchema } from '../../registry/client/schema.ts'
import { brandingSchema } from './branding.ts'
import { dpopSchema } from './dpop-rules.ts'
import { keysSchema } from './key-rules.ts'
import { clientAuthenticationSchema, lifetimesSchema, loginsSchema } from './lifetimes.ts'
import { mapping, type Path, type Placed, zodProblems } from '../../registry/problems.ts'
import { type ReceiverEntry, receiverSchema } from './receiver-settings.ts'
import { wellKnownSchema } from './well-known.ts'
import { NotYaml, valueFrom } from './yaml-text.ts'

/** The settings of the file; docs/settings.md is printed from them. */
export const fileSchema = mapping({
  issuer: z
    .string({ error: 'an address such as https://auth.example.com' })
    .optional()
    .describe('As ISSUER, which wins over it.'),
  default_api: z
    .string({ error: 'the audience of an API' })
    .optional()
    .describe(
      'Of several APIs that were granted, the one a token is for when its request names none, and that of a machine which asks for nothing. Unset: the first API.',
    ),
  demo: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('The demo seed, on in development unless this is false; refused in production.'),
  lifetimes: lifetimesSchema.prefault({}).describe('How long things live.'),
  keys: keysSchema.prefault({}).describe('How signing keys rotate.'),
  logins: loginsSchema.prefault({}).describe('How often a login may be tried.'),
  client_authentication: clientAuthenticationSchema
    .prefault({})
    .describe('How often a client may fail to prove who it is, from one address.'),
  dpop: dpopSchema.prefault({}).describe('The requirements on DPoP proofs.'),
  fast_path: z
    .boolean({ error: 'true or false' })
    .default(true)
    .describe(
      'Whether plain requests for tokens, introspection and userinfo go around the engine; the answers are the same.',
    ),
  shortcuts: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('The former name of fast_path: false turns it off too.'),
  branding: brandingSchema.prefault({}).describe('What the pages show of you.'),
  well_known: wellKnownSchema.prefault({}).describe('What well-known addresses say of you.'),
  apis: z.array(apiSchema, { error: 'a list of APIs' }).default([]).describe('The APIs that tokens are for.'),
  clients: z
    .array(clientSchema, { error: 'a list of clients' })
    .default([])
    .describe('The applications that get tokens.'),
  revocation_receivers: z
    .array(receiverSchema, { error: 'a list of receivers' })
    .default([])
    .describe('The receivers to which revocations are pushed as security events; see revocation.md.'),
})

/** The file, with the place of each client and API, for later sentences about them. Refused entries are left out. */
export interface SettingsFile extends Omit<z.output<typeof fileSchema>, 'apis' | 'clients' | 'revocation_receivers'> {
  readonly apis: readonly Placed<ApiEntry>[]
  readonly clients: readonly Placed<ClientEntry>[]
  readonly receivers: readonly Placed<ReceiverEntry>[]
  /** Whether everything was understood: only then can references between the parts be judged. */
  readonly complete: boolean
}

const outline = fileSchema.extend({
  apis: z.array(z.unknown(), { error: 'a list of APIs' }).default([]),
  clients: z.array(z.unknown(), { error: 'a list of clients' }).default([]),
  revocation_receivers: z.array(z.unknown(), { error: 'a list of receivers' }).default([]),
})

export const EMPTY_FILE: SettingsFile = { ...outline.parse({}), apis: [], clients: [], receivers: [], complete: true }

export function readSettingsFile(text: string, problems: string[]): SettingsFile {
  const before = problems.length
  const content = parseYaml(text, problems)
  if (problems.length > before) return { ...EMPTY_FILE, complete: false }
  const whole = readOutline(content ?? {}, problems)
  const apis = readEach(whole.apis, 'apis', apiSchema, problems)
  const clients = readEach(whole.clients, 'clients', clientSchema, problems)
  const receivers = readEach(whole.revocation_receivers, 'revocation_receivers', receiverSchema, problems)
  return { ...whole, apis, clients, receivers, complete: problems.length === before }
}

/** Only the place and kind of a mistake: a secret may stand in the line. */
function parseYaml(text: string, problems: string[]): unknown {
  try {
    return valueFrom(text)
  } catch (error) {
    if (!(error instanceof NotYaml)) throw error
    const { message, place } = error
    const at = place === undefined ? '' : ` in line ${place.line}, column ${place.column}`
    problems.push(`The file is not YAML${at} (${message}); quote values that begin with a special character.`)
    return undefined
  }
}

/** The file without its clients and APIs. Refused settings are left out, so that the rest is still checked. */
function readOutline(content: unknown, problems: string[]): z.output<typeof outline> {
  const read = outline.safeParse(content)
  if (read.success) return read.data
  problems.push(...zodProblems([], content, read.error))
  const refused = new Set(
    read.error.issues.flatMap((issue) =>
      issue.path[0] === undefined && issue.code === 'unrecognized_keys' ? issue.keys : issue.path.slice(0, 1),
    ),
  )
  const rest = Object.entries(content as Record<string, unknown>).filter(([name]) => !refused.has(name))
  return outline.safeParse(Object.fromEntries(rest)).data ?? outline.parse({})
}

function readEach<Entry>(
  list: readonly unknown[],
  name: string,
  schema: z.ZodType<Entry>,
  problems: string[],
): Placed<Entry>[] {
  return list.flatMap((item, index) => {
    const path: Path = [name, index]
    const read = schema.safeParse(item)
    if (read.success) return [{ path, entry: read.data }]
    problems.push(...zodProblems(path, item, read.error))
    return []
  })
}
