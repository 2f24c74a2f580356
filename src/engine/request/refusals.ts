/**
 * Refusals of the protocol endpoints: one line of the log and one audit event each, whether the caller learns of it by JSON,
 * by a page or by a redirect to the application.
 *
 * The engine may call an error by a second name on the way (a redirect URI that is wrong as well), so the last one is kept
 * until the request has been answered.
 */

import { errors, type KoaContextWithOIDC } from 'oidc-provider'

import type { Audit } from '../../audit/audit.ts'
import type { Log } from '../../audit/log.ts'
import { newErrorId } from '../../base/ids.ts'
import type { Tally } from '../../limits/tally.ts'
import { shown } from '../../registry/problems.ts'
import { type Refused, scopeOf } from './scope.ts'

export interface Refusals {
  /** Writes down what this request was refused for, if it was. */
  report(ctx: KoaContextWithOIDC): void
}

export interface RefusalsParts {
  readonly log: Log
  readonly audit: Pick<Audit, 'record'>
  readonly tally: Tally
}

const EVENT = 'request.refused'

/** The header with the id of a refusal. */
const HEADER = 'X-Error-Id'

/** Keeps why this request is refused. An error that is not the engine's has no code and is logged where it is caught. */
export function noteRefusal(ctx: KoaContextWithOIDC, error: Error): Refused {
  const scope = scopeOf(ctx)
  const { errorId = newErrorId() } = scope.refused ?? {}
  scope.refused = { errorId, error }
  return scope.refused
}

export function createRefusals({ log, audit, tally }: RefusalsParts): Refusals {
  return {
    report(ctx) {
      const { refused } = scopeOf(ctx)
      const { errorId, error } = refused ?? {}
      if (!(error instanceof errors.OIDCProviderError) || STEPS.has(error.error)) return
      const { error: code, error_detail: detail, error_description: description } = error
      const reason = detail ?? description
      const about = { client: clientOf(ctx), address: ctx.ip, route: ctx.oidc?.route }
      ctx.set(HEADER, String(errorId))
      log.event('protocol_request_refused', {
        ...{ errorId, ...about, error: code, detail: reason, value: offendingValue(ctx, code) },
      })
      // Failed authentication of a client has an event of its own (client-failures.ts). A forged form changes nothing.
      const isForm = ctx.oidc?.route === 'end_session_confirm'
      if (!isForm && !(error instanceof errors.InvalidClientAuth)) record(ctx, `${code}: ${reason ?? ''}`)
    },
  }

  /** Anyone can cause refusals without end, so of many alike the first and each power of ten are kept. */
  function record(ctx: KoaContextWithOIDC, reason: string): void {
    const count = tally.count({ event: EVENT, address: ctx.ip, about: ctx.oidc?.client?.clientId, each: EACH })
    if (count === undefined) return
    const fields = { clientId: clientOf(ctx), address: ctx.ip, reason, outcome: 'failure' } as const
    audit.record(EVENT, { ...fields, count: count > EACH ? count : undefined })
  }
}

// An operator who looks at one application wants each of its first mistakes.
const EACH = 20

/** Answers that are a step of the protocol: the client sends the request again with what was missing. */
const STEPS: ReadonlySet<string> = new Set(['use_dpop_nonce'])

/** The parameter that an error is about, where that is no secret. */
const PARAMETER_OF: Readonly<Record<string, string>> = {
  invalid_client: 'client_id',
  invalid_redirect_uri: 'redirect_uri',
  invalid_scope: 'scope',
  invalid_target: 'resource',
  unauthorized_client: 'grant_type',
  unsupported_grant_type: 'grant_type',
  unsupported_response_mode: 'response_mode',
  unsupported_response_type: 'response_type',
}

function offendingValue(ctx: KoaContextWithOIDC, error: string): string | undefined {
  const name = PARAMETER_OF[error]
  const value = name === undefined ? undefined : parameter(ctx, name)
  // Quotes are for sentences; a line of the log has the text alone.
  return typeof value === 'string' ? (JSON.parse(shown(value)) as string) : undefined
}

function clientOf(ctx: KoaContextWithOIDC): string | undefined {
  const claimed = parameter(ctx, 'client_id')
  return ctx.oidc?.client?.clientId ?? (typeof claimed === 'string' ? claimed : undefined)
}

function parameter(ctx: KoaContextWithOIDC, name: string): unknown {
  const { params, body } = ctx.oidc ?? {}
  return params?.[name] ?? (body as Record<string, unknown> | undefined)?.[name] ?? ctx.query[name]
}
