/**
 * What can go wrong through no mistake of the programmer: one class for each state, with a stable code.
 *
 * The programmer's own mistake is a `TypeError`. `code` is for machines, `message` is shown to the caller and tells no
 * secret, `detail` goes to the log only. Every code stands in docs/errors.md; a test compares the two.
 */

export interface FaultOptions {
  /** For the log, never for the caller. */
  readonly detail?: string
  readonly cause?: unknown
}

export abstract class Fault extends Error {
  abstract readonly code: string
  abstract readonly status: number
  readonly detail: string | undefined

  constructor(message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.detail = options.detail
  }
}

/** After how many seconds it may help to try again; `undefined` when it never will. */
export function retryAfterOf(fault: Fault): number | undefined {
  return 'retryAfterSeconds' in fault ? Number(fault.retryAfterSeconds) : undefined
}

/** What whoever runs the server reads: the message, and in brackets what is kept from callers. */
export function forOperator({ message, detail }: Fault): string {
  return detail === undefined ? message : `${message} (${detail})`
}

/** The store did not answer, or answered that it cannot: nothing may be issued or called valid. */
export class StoreUnavailable extends Fault {
  readonly code = 'store_unavailable'
  readonly status = 503
  readonly retryAfterSeconds = 2

  constructor(options: FaultOptions = {}) {
    super('The service is temporarily unavailable. Please try again in a moment.', options)
  }
}

/** The store has room for endings only: nothing is issued until entries expire or the operator makes room. */
export class StoreFull extends Fault {
  readonly code = 'store_full'
  readonly status = 503
  readonly retryAfterSeconds = 30

  constructor(options: FaultOptions = {}) {
    super('The service cannot take new sign-ins or issue tokens at the moment. Please try again in a minute.', options)
  }
}

/** Start refused: what is in the store must not be served. The message says why, and what to do. */
export class StoreRefused extends Fault {
  readonly code = 'store_refused'
  readonly status = 503
}

/** What strangers can make the store keep is used up: by this address or its network, or by all of them together. */
export class StrangersBounded extends Fault {
  readonly code = 'strangers_bounded'
  readonly status: number
  readonly retryAfterSeconds = 60

  /** 429 when it is this caller's share that is used up. */
  constructor(status: 429 | 503, options: FaultOptions = {}) {
    super('Too many sign-ins were started and not finished. Please try again in a minute.', options)
    this.status = status
  }
}

/** The file is no whole backup; nothing was restored from it. */
export class BackupInvalid extends Fault {
  readonly code = 'backup_invalid'
  readonly status = 400

  constructor(why: string) {
    super(`The file is no backup that can be restored: ${why}. Nothing was changed.`)
  }
}

/** The process, key service or module that holds the signing keys did not answer: nothing may be issued. */
export class SignerUnavailable extends Fault {
  readonly code = 'signer_unavailable'
  readonly status = 503
  readonly retryAfterSeconds = 2

  constructor(options: FaultOptions = {}) {
    super('The service is temporarily unavailable. Please try again in a moment.', options)
  }
}

/** Start refused: a setting is missing, unknown or wrong. One sentence a problem, each with its mend. */
export class ConfigInvalid extends Fault {
  readonly code = 'config_invalid'
  readonly status = 500
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** The stored ring was sealed under another root key. */
export class RootKeyWrong extends Fault {
  readonly code = 'root_key_wrong'
  readonly status = 503

  constructor(options: FaultOptions = {}) {
    super(
      'The canary in the store was sealed under another root key: give this node the root key of the others (GRANTOR_ROOT_KEY), or point it at another store.',
      options,
    )
  }
}

/** The ring has no key of this name. */
export class KeyUnknown extends Fault {
  readonly code = 'key_unknown'
  readonly status = 404

  constructor() {
    super('The ring has no key with this kid: `grantor keys list` shows those it has.')
  }
}

/** The key signs; a key is retired by rotating it, so that another signs before it goes. */
export class KeyInUse extends Fault {
  readonly code = 'key_in_use'
  readonly status = 409

  constructor() {
    super('This key signs: rotate it (`grantor keys rotate`), or if somebody else may hold it, `--compromised`.')
  }
}

/** Something sealed does not open: it was altered, moved to another place, or sealed under another key. */
export class SealBroken extends Fault {
  readonly code = 'seal_broken'
  readonly status = 500

  constructor(options: FaultOptions = {}) {
    super('A stored value could not be opened.', options)
  }
}

/** Too many password checks are waiting; the surplus is sent away so that tokens never wait for logins. */
export class LoginsBusy extends Fault {
  readonly code = 'logins_busy'
  readonly status = 503
  readonly retryAfterSeconds = 2

  constructor() {
    super('Many people are signing in right now. Please try again in a few seconds.')
  }
}

/** The limit of tries for this account or this address is reached. */
export class TooManyAttempts extends Fault {
  readonly code = 'too_many_attempts'
  readonly status = 429
  readonly retryAfterSeconds: number
  /** How many were refused before this one, since counting began. */
  readonly refusedBefore: number
  /** The name of the rule whose limit is reached. */
  readonly rule: string

  constructor(retryAfterSeconds: number, refusedBefore: number, rule: string) {
    super('Too many attempts to sign in. Please wait a while and try again.')
    this.retryAfterSeconds = retryAfterSeconds
    this.refusedBefore = refusedBefore
    this.rule = rule
  }
}

/** E-mail or password wrong, account unknown or disabled: one answer for all of them. */
export class LoginFailed extends Fault {
  readonly code = 'login_failed'
  readonly status = 401

  constructor(options: FaultOptions = {}) {
    super('That e-mail address and password do not match.', options)
  }
}

/** A form came from another page than ours, or without its token. */
export class FormForged extends Fault {
  readonly code = 'form_forged'
  readonly status = 403

  constructor(options: FaultOptions = {}) {
    super('This form did not come from a page of ours. Go back, reload the page and try again.', options)
  }
}

/** The sign-in that this page belongs to has ended, expired, or was begun in another browser. */
export class InteractionGone extends Fault {
  readonly code = 'interaction_gone'
  readonly status = 400

  constructor(options: FaultOptions = {}) {
    super(
      'This sign-in has expired or was started in another browser. Go back to the application and start again.',
      options,
    )
  }
}

/** No page or endpoint at this address. */
export class NotFound extends Fault {
  readonly code = 'not_found'
  readonly status = 404

  constructor() {
    super('There is nothing at this address.')
  }
}

/** The address exists, but not for this method. */
export class MethodNotAllowed extends Fault {
  readonly code = 'method_not_allowed'
  readonly status = 405

  constructor() {
    super('This address does not answer that kind of request.')
  }
}

/** The address has more parameters than any request of ours. */
export class ParametersTooMany extends Fault {
  readonly code = 'parameters_too_many'
  readonly status = 400

  constructor() {
    super('This address has too many parameters.')
  }
}

/** As many requests with a large body are waiting as this process takes. */
export class LargeRequestsBusy extends Fault {
  readonly code = 'large_requests_busy'
  readonly status = 503
  readonly retryAfterSeconds = 5

  constructor() {
    super('Too many large requests are waiting. Please try again in a few seconds, or send a smaller one.')
  }
}

/** The request body is larger, or of another kind, than the form it answers. */
export class BodyRefused extends Fault {
  readonly code = 'body_refused'
  readonly status: number

  constructor(status: 400 | 413 | 415, message: string) {
    super(message)
    this.status = status
  }
}

/** An account with this login exists. */
export class AccountExists extends Fault {
  readonly code = 'account_exists'
  readonly status = 409

  constructor() {
    super('There is an account with this login already.')
  }
}

/** The password breaks a rule; the message says which. */
export class PasswordRefused extends Fault {
  readonly code = 'password_refused'
  readonly status = 400
}

/** There is no account with this id. */
export class AccountUnknown extends Fault {
  readonly code = 'account_unknown'
  readonly status = 404

  constructor() {
    super('There is no such account.')
  }
}

/** The text cannot be a login; the message says why. */
export class LoginRefused extends Fault {
  readonly code = 'login_refused'
  readonly status = 400
}

/** There is no client with this id. */
export class ClientUnknown extends Fault {
  readonly code = 'client_unknown'
  readonly status = 404

  constructor() {
    super('There is no such client.')
  }
}

/** There is a client or an API with this name already. */
export class RegistryEntryExists extends Fault {
  readonly code = 'registry_entry_exists'
  readonly status = 409

  constructor(name: string) {
    super(`There is ${name} already.`)
  }
}

/** There is no API with this audience. */
export class ApiUnknown extends Fault {
  readonly code = 'api_unknown'
  readonly status = 404

  constructor() {
    super('There is no such API.')
  }
}

/** The client or the API is no longer the one that the editor read. */
export class RegistryEntryChanged extends Fault {
  readonly code = 'registry_entry_changed'
  readonly status = 409

  constructor(name: string) {
    super(`Another editor has changed ${name} meanwhile; read it again and repeat the change.`)
  }
}

/** The client or the API is declared elsewhere, and only there it is changed. */
export class RegistryEntryElsewhere extends Fault {
  readonly code = 'registry_entry_elsewhere'
  readonly status = 409

  constructor(name: string, where: string) {
    super(`${name} is declared ${where}, so it is changed there.`)
  }
}

/** What a client or an API would be breaks rules. `problems` says which, a sentence each. */
export class RegistryEntryInvalid extends Fault {
  readonly code = 'registry_entry_invalid'
  readonly status = 400
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** As many streams of revocations as this node, or one client, may have are open. */
export class FeedBusy extends Fault {
  readonly code = 'feed_busy'
  readonly status = 503
  readonly retryAfterSeconds = 10

  constructor() {
    super('Too many streams of revocations are open. Please try again in a few seconds, or poll.')
  }
}

/** A parameter of the query has a value that means nothing. */
export class QueryInvalid extends Fault {
  readonly code = 'query_invalid'
  readonly status = 400

  constructor() {
    super('A parameter of this address has a wrong value or stands in it twice: after is a cursor, limit 1 to 1000.')
  }
}

/** Start refused: of several worker processes not one became ready. */
export class WorkersFailed extends Fault {
  readonly code = 'workers_failed'
  readonly status = 503

  constructor() {
    super('No worker process could start; each has said why.')
  }
}

/** Start refused: the port is taken, or may not be bound. */
export class PortUnusable extends Fault {
  readonly code = 'port_unusable'
  readonly status = 503

  constructor({ host, port, cause }: { host: string; port: number; cause: NodeJS.ErrnoException }) {
    super(`Cannot listen on ${host}:${port}: ${WHY_NOT[cause.code ?? ''] ?? cause.message}.`, { cause })
  }
}

const WHY_NOT: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there; stop it, or choose another PORT or OPS_PORT',
  EACCES: 'this user may not bind that port; choose one above 1023, or allow it',
  EADDRNOTAVAIL: 'this machine does not have that address; mend HOST or OPS_HOST',
  ENOTFOUND: 'that name has no address; mend HOST or OPS_HOST',
}
