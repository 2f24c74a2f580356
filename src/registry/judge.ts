/** One client or API, judged by all rules: the same for grantor.yaml, for operators, and for what registers itself. */

import type { ApiSettings } from './api/api.ts'
import { apiSchema, toApi } from './api/rules.ts'
import type { ClientSettings } from './client/client.ts'
import { type ClientContext, toClient } from './client/rules.ts'
import { clientSchema } from './client/schema.ts'
import { type Path, zodProblems } from './problems.ts'
import { referenceProblems } from './references.ts'
import { sharedSecretProblems } from './secrets/shared-secrets.ts'

export interface Surroundings extends Omit<ClientContext, 'problems'> {
  readonly issuer: string
  /** Every API there is. */
  readonly apis: readonly ApiSettings[]
  /** At least the clients to which the entry refers. */
  readonly clients: readonly ClientSettings[]
}

export interface Judged<Settings> {
  /** Absent where there are problems. */
  readonly settings: Settings | undefined
  /** A sentence for each broken rule. */
  readonly problems: readonly string[]
}

export function judgeClient(entry: unknown, around: Surroundings): Judged<ClientSettings> {
  const path: Path = ['client']
  const read = clientSchema.safeParse(entry)
  if (!read.success) return { settings: undefined, problems: zodProblems(path, entry, read.error) }
  const problems: string[] = []
  const settings = toClient(read.data, path, { ...around, problems })
  const placed = { path, entry: read.data }
  problems.push(...referenceProblems({ apis: [], clients: [placed] }, around.apis, [settings]))
  const shared = around.apis.filter(({ algorithm }) => algorithm === 'HS256')
  const declared = { issuer: around.issuer, apis: around.apis, clients: [settings] }
  problems.push(
    ...sharedSecretProblems(
      shared.map((api) => ({ path: ['api', api.audience], entry: api })),
      declared,
    ),
  )
  return { settings: problems.length === 0 ? settings : undefined, problems }
}

export function judgeApi(entry: unknown, around: Surroundings): Judged<ApiSettings> {
  const path: Path = ['api']
  const read = apiSchema.safeParse(entry)
  if (!read.success) return { settings: undefined, problems: zodProblems(path, entry, read.error) }
  const problems: string[] = []
  const settings = toApi(read.data, path, around.readFile, problems)
  const apis = [...around.apis.filter(({ audience }) => audience !== settings.audience), settings]
  const placed = { path, entry: read.data }
  problems.push(
    ...referenceProblems({ apis: [placed], clients: [] }, apis, around.clients),
    ...sharedSecretProblems([placed], { issuer: around.issuer, apis, clients: around.clients }),
  )
  return { settings: problems.length === 0 ? settings : undefined, problems }
}
