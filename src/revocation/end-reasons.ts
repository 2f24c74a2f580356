/**
 * Every reason for which access ends before it expires.
 *
 * The audit trail uses these names, and a test goes through this table: each of them must use revoke.ts. `entry` is the
 * member of a token that the revocation log names.
 */

interface Way {
  readonly entry: 'jti' | 'gid' | 'sid' | 'kid' | 'client_id' | 'before'
  readonly sentence: string
}

export const END_REASONS = {
  access_token_revoked: { entry: 'jti', sentence: 'Its application revoked one access token (RFC 7009).' },
  refresh_token_revoked: { entry: 'gid', sentence: 'Its application revoked a refresh token (RFC 7009).' },
  authorization_code_reused: { entry: 'gid', sentence: 'An authorization code was used a second time.' },
  refresh_token_reused: { entry: 'gid', sentence: 'A used refresh token was presented again.' },
  tokens_revoked_repeatedly: {
    entry: 'gid',
    sentence: 'Its application revoked access tokens of one grant again and again.',
  },
  consent_withdrawn: { entry: 'gid', sentence: 'The person took back what they let an application have.' },
  password_changed: { entry: 'gid', sentence: 'The password of the account was set.' },
  account_disabled: { entry: 'gid', sentence: 'The account was disabled.' },
  account_removed: { entry: 'gid', sentence: 'The account was removed.' },
  logout: { entry: 'sid', sentence: 'The person signed out.' },
  client_removed: { entry: 'client_id', sentence: 'The client was removed.' },
  client_disabled: { entry: 'client_id', sentence: 'The client was disabled.' },
  key_compromised: { entry: 'kid', sentence: 'The signing key may be in other hands.' },
  token_ended_by_operator: { entry: 'jti', sentence: 'An operator ended one access token.' },
  grant_ended_by_operator: { entry: 'gid', sentence: 'An operator ended what one application was granted.' },
  session_ended_by_operator: { entry: 'sid', sentence: 'An operator ended a browser session.' },
  account_ended_by_operator: { entry: 'gid', sentence: 'An operator ended all access of one person.' },
  client_ended_by_operator: { entry: 'client_id', sentence: 'An operator ended all access of one client.' },
  everything_ended_by_operator: {
    entry: 'before',
    sentence: 'An operator ended everything issued before a given time.',
  },
  store_replaced: {
    entry: 'before',
    sentence: 'The store was emptied or replaced; what was issued before is of another.',
  },
  store_set_back: {
    entry: 'before',
    sentence: 'The store was set back to an earlier state, which knows no later endings.',
  },
  store_restored: { entry: 'before', sentence: 'The store was restored from a backup, which knows no later endings.' },
} as const satisfies Record<string, Way>

export type EndReason = keyof typeof END_REASONS
