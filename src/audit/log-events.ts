/**
 * Every event of the log: its stable name, its level, and the sentence of the line.
 *
 * The name is for alerts and searches and does not change; what differs from line to line is in the fields. The sentence
 * says what happened and what the operator can do. docs/log-events.md is printed from this list.
 */

type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export const LOG_EVENTS = {
  // The server
  listening: ['info', 'The server is listening.'],
  stopping: ['info', 'The server is stopping. It answers the requests that it has, then it ends.'],
  waiting_for_store: [
    'warn',
    'The server waits for its store before it starts. The field `problem` says what is wrong.',
  ],
  store_lost: [
    'error',
    'The store is not the one that was opened. The server starts again on the store as it is now and refuses what was issued before.',
  ],
  store_repair_failed: [
    'error',
    'What the store lost could not be written again: revocations, or the clients and APIs of grantor.yaml. This server still refuses the revoked tokens. When the store works, revoke them again and restart the server.',
  ],
  store_away: [
    'error',
    'The store cannot be used. The server answers 503 to requests that need it and continues by itself when the store is back. The field `problem` says what to do.',
  ],
  store_full: [
    'error',
    'The store has no room. Nothing new is issued; revocation and logout go on. The field `problem` says what to do.',
  ],
  store_usable: ['info', 'The store can be used again. The field `seconds` says for how long it could not.'],
  store_advice: ['warn', 'The store works, but its configuration is a risk. The field `advice` says what to change.'],
  file_read_again: [
    'info',
    'The server read grantor.yaml again. Its clients and APIs are in force; a change of another setting needs a restart.',
  ],
  file_refused: [
    'error',
    'The server refused grantor.yaml and keeps what it declared before. The field `problems` lists what to correct.',
  ],
  declarations_applied: ['info', 'The clients and APIs of grantor.yaml are in force.'],
  declarations_replaced: [
    'warn',
    'The clients and APIs of this grantor.yaml replaced those of another file. If this is not intended, give all servers the same file and run `grantor apply`.',
  ],
  declaration_removed: [
    'warn',
    'grantor.yaml no longer declares this name, so it was removed, and what a client held has ended for good.',
  ],
  declaration_not_removed: [
    'error',
    'grantor.yaml no longer declares this name, and GRANTOR_ALLOW_DELETE is false, so it stays as it is. Remove it with `grantor apply --allow-delete`.',
  ],
  declaration_not_removed_by_old_file: [
    'error',
    'This grantor.yaml does not declare the name, but another file has replaced this one before, so the name stays as it is. If this file is the right one, run `grantor apply --allow-delete`.',
  ],
  declaration_skipped: [
    'error',
    'grantor.yaml declares a name that exists with another origin, which stays as it is. Remove the other one or rename it in the file.',
  ],
  worker_ended: ['warn', 'A worker process ended. The server starts another one.'],
  connections_full: [
    'warn',
    'The server closes connections to make room for new ones. If these are good clients, raise the limit of open files (ulimit -n) or add servers.',
  ],
  ops_connections_full: [
    'warn',
    'The port of the operator closes connections to make room for new ones. Look for a monitor that does not close its connections.',
  ],
  proxy_not_trusted: [
    'warn',
    'A request with a forwarding header came from an address that TRUST_PROXY does not name. The server ignores the header, so all visitors behind this address share its limits. If the address is your reverse proxy, add it to TRUST_PROXY.',
  ],
  log_lines_dropped: [
    'warn',
    'The log dropped lines because their reader is too slow. The field `dropped` counts them.',
  ],
  audit_not_stored: [
    'error',
    'The store did not take an audit record. The record is complete in the field `audit`; keep this line.',
  ],

  // Requests
  request_failed: ['error', 'A request failed with an unexpected error. Report the field `err` as a defect.'],
  request_refused: ['info', 'The server refused a request. The field `fault` is a code of docs/errors.md.'],
  request_not_served: [
    'warn',
    'The server could not serve a valid request. The field `fault` is a code of docs/errors.md, which has the remedy.',
  ],
  protocol_request_refused: [
    'info',
    'A protocol endpoint refused a request. The fields `error`, `detail` and `value` say why; `errorId` stands on the error page and in the header X-Error-Id.',
  ],
  fetch_failed: [
    'warn',
    'The keys of a client could not be fetched from its jwks_uri, so it cannot authenticate. The field `reason` says why; a private address has to be named in FETCH_PRIVATE_HOSTS.',
  ],
  response_not_sent: ['debug', 'A response could not be sent: the client closed the connection.'],
  page_not_sent: ['error', 'A page could not be sent. The field `err` says why.'],

  // The engine
  fast_path_off: [
    'warn',
    'The installed oidc-provider is not the release that this server was made for. Every request goes through the engine, which is slower. Install the version of package-lock.json.',
  ],
  engine_not_built: [
    'error',
    'No engine could be built for a newer key ring. This server keeps the ring it has until the ring changes again. The field `err` says why.',
  ],

  // Keys
  key_ring_in_use: ['info', 'This server uses a newer key ring.'],
  key_ring_unreadable: ['error', 'The key ring could not be read. This server keeps the ring it has and tries again.'],
  key_ring_changed: [
    'info',
    'A step of the key schedule was taken. The field `change` names it (docs/audit-events.md).',
  ],
  key_ring_step_failed: ['warn', 'A step of the key schedule failed. The server tries again in a second.'],
  signer_unavailable: [
    'error',
    'The external signer does not sign, so no token is issued. Start it again; the field `detail` says what it answered.',
  ],
  signer_available: ['info', 'The external signer answers again.'],
  signer_kept_key: [
    'warn',
    'The external signer did not destroy a key that is no longer used. Destroy it there; `keyRef` names it.',
  ],

  // Revocations
  feed_reader_connected: ['debug', 'A verifier connected to the revocation feed.'],
  feed_reader_left: ['debug', 'A verifier left the revocation feed.'],
  receiver_unreachable: [
    'warn',
    'A receiver of security events does not answer. The server keeps the events and tries again; `reason` says what failed.',
  ],
  receiver_reachable: ['info', 'A receiver of security events answers again.'],
  event_refused: [
    'error',
    'A receiver refused a security event, so it is not sent again. The receiver has to correct how it reads events.',
  ],
} as const satisfies Record<string, readonly [LogLevel, string]>

export type LogEvent = keyof typeof LOG_EVENTS
