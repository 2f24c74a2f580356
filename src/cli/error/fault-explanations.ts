/**
 * What each refusal of the server itself means, and what the operator can do.
 *
 * docs/errors.md has the same sentences; a test compares the two.
 */

export interface Explanation {
  readonly cause: string
  readonly remedy: string
}

/** By the code of the fault. */
export const FAULT_EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  store_unavailable: {
    cause: 'The store did not answer, so nothing is issued and nothing is called valid',
    remedy:
      "See why with `/health/ready` on the operator's port; the server continues by itself once the store answers",
  },
  store_full: {
    cause:
      'The store has room for endings only, so nothing new is issued; `/revoke`, logout and `grantor revoke` still work',
    remedy: 'Give Redis more `maxmemory` or the disk more space, see `/health/ready`; the server continues by itself',
  },
  store_refused: {
    cause:
      'The start was refused: the store holds something that must not be served, such as a restore that was interrupted',
    remedy: 'The message says what it found and what to do; see [guides/backup.md](guides/backup.md)',
  },
  strangers_bounded: {
    cause:
      'Sign-ins that were started and not finished use up the space that one address, its network (429) or all callers together (503) may use in the store',
    remedy:
      'Wait a minute; where many people share one address behind a proxy of yours, see that `TRUST_PROXY` names it',
  },
  backup_invalid: {
    cause: '`grantor restore` was given a file that is no backup, or that was cut off or altered',
    remedy: 'Take another backup; nothing was restored',
  },
  signer_unavailable: {
    cause: 'The process that holds the signing keys did not answer, so no token is issued',
    remedy:
      "Start it again; the server's log says what it answered, and [external-signer.md](external-signer.md) what to look for",
  },
  config_invalid: {
    cause: 'The start was refused because of a setting',
    remedy:
      'Each sentence names the setting, what it got and what it wants; `npx grantor config check` prints the same',
  },
  root_key_wrong: {
    cause: 'The store was sealed under another root key',
    remedy:
      'Give this server the root key of the others in `GRANTOR_ROOT_KEY`, or point it at another store; was the root key replaced, see [keys.md](keys.md)',
  },
  port_unusable: {
    cause: 'The start was refused: `PORT` or `OPS_PORT` is taken, or may not be bound',
    remedy: 'The sentence says which and why; stop what listens there, or choose another',
  },
  workers_failed: {
    cause: 'With `WORKERS` above 1, the first worker process to end did so before any was ready',
    remedy: 'Correct what the worker printed before it; `WORKERS=1` shows the same without a supervisor',
  },
  key_unknown: {
    cause: 'The ring has no key of this name',
    remedy: '`npx grantor keys list` shows those it has',
  },
  key_in_use: {
    cause: 'The key signs, so it cannot be taken out',
    remedy:
      'Rotate it and wait until another signs; if it may be in other hands, `npx grantor keys rotate --compromised`',
  },
  seal_broken: {
    cause: 'A sealed value was altered, moved, or sealed under another key',
    remedy: 'Restore the store from a backup that belongs to this root key',
  },
  logins_busy: {
    cause: 'Too many password checks were waiting, or too many of one network',
    remedy: 'Wait; if it happens often, add cores or servers, or raise `logins.waiting_hashes`',
  },
  too_many_attempts: {
    cause: 'The limit of wrong passwords for an account, a known device, an address or a network was reached',
    remedy:
      'Wait as long as `Retry-After` says, or `npx grantor accounts unlock LOGIN`; `npx grantor audit --event login.throttled` says which limit; they stand under `logins` in grantor.yaml. If it affects all people at once, see `TRUST_PROXY`',
  },
  login_failed: {
    cause: 'E-mail or password wrong, or the account unknown or disabled: one answer for all',
    remedy: 'The audit trail says which: `npx grantor audit --event login.failed`',
  },
  form_forged: {
    cause: 'A form came from another page, or without its token',
    remedy: 'Go back, reload and try again; if it always happens, a proxy changes `Origin` or drops cookies',
  },
  interaction_gone: {
    cause: 'The sign-in expired, is finished, or was begun in another browser',
    remedy:
      'Start again: the error page offers it in the browser that began the sign-in; `client_uri` and `initiate_login_uri` of the client add a link to the application',
  },
  not_found: {
    cause: 'There is nothing at this address',
    remedy: 'Compare it with `/.well-known/openid-configuration`',
  },
  method_not_allowed: {
    cause: 'The address does not answer that kind of request',
    remedy: 'Use a method that the `Allow` header names',
  },
  parameters_too_many: {
    cause: 'The query has more parameters than any request of this server',
    remedy: 'Send the parameters that the endpoint knows, each once',
  },
  body_refused: {
    cause: "A form's body is malformed, too large or of another kind",
    remedy: 'Send the form as the page does',
  },
  large_requests_busy: {
    cause: 'Too many requests with a body above 8 KB, or of no declared length, were waiting at this server',
    remedy: 'Wait as long as `Retry-After` says; send smaller bodies, with a `Content-Length`',
  },
  account_exists: {
    cause: 'An account with this login exists',
    remedy: 'Choose another login',
  },
  account_unknown: {
    cause: 'There is no such account',
    remedy: '`npx grantor accounts list` shows those that exist',
  },
  password_refused: {
    cause: 'The password breaks a rule; the message says which',
    remedy: 'Choose another password',
  },
  login_refused: {
    cause: 'The text cannot be a login; the message says why',
    remedy: 'Choose another login',
  },
  feed_busy: {
    cause: 'Too many streams of revocations are open at this server, or of this client',
    remedy: 'Let the processes of one API share a stream, add servers, or poll; see [revocation.md](revocation.md)',
  },
  query_invalid: {
    cause: 'A parameter of `/revocations` has a value that means nothing',
    remedy: '`after` is a cursor that the server gave, `limit` a number from 1 to 1000',
  },
  registry_entry_exists: {
    cause: 'There is a client or an API with this name already',
    remedy: 'Choose another name, or change the one that exists with `set`',
  },
  api_unknown: {
    cause: 'There is no such API',
    remedy: '`npx grantor apis list` shows those that exist',
  },
  registry_entry_changed: {
    cause: 'Another editor has changed the client or the API since it was read',
    remedy: 'Read it again with `show`, and repeat the change',
  },
  registry_entry_elsewhere: {
    cause: 'The client or the API is declared in grantor.yaml',
    remedy: 'Change it there, then `npx grantor apply`',
  },
  registry_entry_invalid: {
    cause: 'The new settings of the client or the API break a rule',
    remedy: 'The message names each setting and what it wants',
  },
  client_unknown: {
    cause: 'There is no such client',
    remedy: '`npx grantor clients list` shows those that exist',
  },
}
