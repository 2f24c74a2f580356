/**
 * What the load holds at the moment: families of tokens that live, what has been ended and is to be refused, and what was
 * used and is to be presented again.
 */

import { createHash } from 'node:crypto'

import type { Issued } from './history.ts'

/** A token that is shown to introspection and verifiers. */
export interface AccessToken {
  readonly token: string
  /** Itself, its family, its session: an ending of one of them ends it. */
  readonly subjects: readonly string[]
  readonly issued: Issued
}

/** The tokens of one application in one session. */
export interface Family {
  readonly name: string
  readonly clientId: string
  readonly subjects: readonly string[]
  /** The `gid` of its access tokens. */
  grantId: string
  refreshToken: string
  access: AccessToken
  /** One request at a time spends or ends the refresh token. */
  isBusy: boolean
}

/** Something that was ended, or used: what may be tried with it. */
export interface Ended {
  readonly subject: string
  readonly access: AccessToken | undefined
  readonly family: Family | undefined
}

export interface Replay {
  readonly dueMs: number
  present(): Promise<void>
}

export interface LiveState {
  readonly families: Set<Family>
  readonly ended: Ended[]
  readonly replays: Replay[]
  /** A name that was not given before, such as `family-7`. */
  name(kind: string): string
}

export function createLiveState(): LiveState {
  const counts = new Map<string, number>()
  return {
    families: new Set(),
    ended: [],
    replays: [],
    name(kind) {
      const count = counts.get(kind) ?? 0
      counts.set(kind, count + 1)
      return `${kind}-${count}`
    },
  }
}

/** Names a token in the history without telling it. */
export function nameOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url').slice(0, 10)
}

/** The claims of a JWT, unverified. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}') as Record<string, unknown>
}
