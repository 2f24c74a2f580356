/** What English says of each fault, by its code and, where it has several, its reason. */

import type { FaultTexts } from '../language.ts'

const RETRY = 'Please try again in a moment.'
const NO_BACKUP = 'The file is no backup that can be restored'

export const faults: FaultTexts = {
  server_error: 'Something went wrong on our side. Please try again.',

  store_unavailable: `The service is temporarily unavailable. ${RETRY}`,
  store_full: 'The service cannot take new sign-ins or issue tokens at the moment. Please try again in a minute.',
  store_refused: 'The store holds something that must not be served.',
  'strangers_bounded.of_network': 'Too many sign-ins were started and not finished. Please try again in a minute.',
  'strangers_bounded.of_all': 'Too many sign-ins were started and not finished. Please try again in a minute.',
  'backup_invalid.empty': `${NO_BACKUP}: it is empty. Nothing was changed.`,
  'backup_invalid.cut_off': `${NO_BACKUP}: it was cut off before its end. Nothing was changed.`,
  'backup_invalid.altered': `${NO_BACKUP}: it was altered. Nothing was changed.`,
  'backup_invalid.too_long': `${NO_BACKUP}: something follows its end. Nothing was changed.`,
  'backup_invalid.not_json': `${NO_BACKUP}: it was cut off or altered, a line is not JSON. Nothing was changed.`,
  'backup_invalid.not_a_backup': `${NO_BACKUP}: it does not begin as one. Nothing was changed.`,
  'backup_invalid.other_version': `${NO_BACKUP}: its version is {version}, and this reads {reads}. Nothing was changed.`,
  'backup_invalid.unreadable': `${NO_BACKUP}: {error}. Nothing was changed.`,

  signer_unavailable: `The service is temporarily unavailable. ${RETRY}`,
  root_key_wrong:
    'The canary in the store was sealed under another root key: give this node the root key of the others (GRANTOR_ROOT_KEY), or point it at another store.',
  key_unknown: 'The ring has no key with this kid: `grantor keys list` shows those it has.',
  key_in_use:
    'This key signs: rotate it (`grantor keys rotate`), or, if it may be in other hands, rotate with `--compromised`.',
  seal_broken: 'A stored value could not be opened.',

  config_invalid: 'A setting of the server is wrong.',
  workers_failed: 'No worker process could start; each has said why.',
  'port_unusable.taken':
    'Cannot listen on {host}:{port}: another process listens there; stop it, or choose another PORT or OPS_PORT.',
  'port_unusable.forbidden':
    'Cannot listen on {host}:{port}: this user may not bind that port; choose one above 1023, or allow it.',
  'port_unusable.other_machine':
    'Cannot listen on {host}:{port}: this machine does not have that address; correct HOST or OPS_HOST.',
  'port_unusable.no_address': 'Cannot listen on {host}:{port}: that name has no address; correct HOST or OPS_HOST.',
  'port_unusable.other': 'Cannot listen on {host}:{port}: {error}.',

  login_failed: 'That e-mail or username and password do not match.',
  logins_busy: 'Many people are signing in right now. Please try again in a few seconds.',
  too_many_attempts: 'Too many attempts to sign in. Please try again in {wait}.',
  interaction_gone:
    'This sign-in has expired, is finished, or was started in another browser. Start again from the application.',
  form_forged: 'This form did not come from a page of this server. Go back, reload the page and try again.',

  not_found: 'There is nothing at this address.',
  method_not_allowed: 'This address does not answer that kind of request.',
  parameters_too_many: 'This address has too many parameters.',
  large_requests_busy: 'Too many large requests are waiting. Please try again in a few seconds, or send a smaller one.',
  'body_refused.cut_off': 'The request did not arrive in full.',
  'body_refused.field_twice': 'The form has a field twice.',
  'body_refused.too_many_fields': 'The form has too many fields.',
  'body_refused.not_utf8': 'The form is not valid UTF-8.',
  'body_refused.not_a_poll': 'The body is not a poll request as RFC 8936 section 2.2 has it.',
  'body_refused.too_large': 'The request is too large.',
  'body_refused.query_too_large': 'That request is too large.',
  'body_refused.not_a_form': 'This address takes forms only.',
  'body_refused.compressed': 'This address takes no compressed forms.',
  'body_refused.not_json': 'Send JSON, as application/json.',

  feed_busy: 'Too many streams of revocations are open. Please try again in a few seconds, or poll.',
  query_invalid:
    'A parameter of this address has a wrong value or stands in it twice: after is a cursor, limit 1 to 1000.',

  account_exists: 'There is an account with this login already.',
  account_unknown: 'There is no such account.',
  'login_refused.empty': 'A login has at least one character.',
  'login_refused.too_long': 'A login has at most {most} characters.',
  'login_refused.invisible': 'A login has no control or invisible characters.',
  'password_refused.not_text': 'This password is not valid text.',
  'password_refused.too_short': 'A password has at least {fewest} characters.',
  'password_refused.too_long': 'A password has at most {most} characters.',
  'password_refused.too_many_bytes': 'This password is too long.',
  'password_refused.is_login': 'A password is not the login.',
  'password_refused.common': 'This password is one of the first that an attacker would try.',

  client_unknown: 'There is no such client.',
  api_unknown: 'There is no such API.',
  'registry_entry_exists.client': 'There is the client {name} already.',
  'registry_entry_exists.api': 'There is the API {name} already.',
  'registry_entry_changed.client':
    'Another editor has changed the client {name} meanwhile; read it again and repeat the change.',
  'registry_entry_changed.api':
    'Another editor has changed the API {name} meanwhile; read it again and repeat the change.',
  'registry_entry_changed.declared':
    'Another editor has changed what is declared meanwhile; read it again and repeat the change.',
  'registry_entry_elsewhere.client': 'the client {name} is declared in grantor.yaml, so it is changed there.',
  'registry_entry_elsewhere.api': 'the API {name} is declared in grantor.yaml, so it is changed there.',
  registry_entry_invalid: 'A setting of the client or of the API breaks a rule.',
}
