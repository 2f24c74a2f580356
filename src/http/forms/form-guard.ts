/**
 * Forms that only our own pages can send, in the browser that they were shown to.
 *
 * Three locks, each enough on its own in an ordinary browser: a token made for this interaction and this purpose, the
 * `Origin` and `Sec-Fetch-Site` that the browser attests, and the interaction's cookie, which the engine checks.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import type { Context } from 'koa'

import { FormForged } from '../../faults/sign-in.ts'
import type { Form } from './form.ts'

/** The hidden field that carries the token. */
export const TOKEN_FIELD = 'csrf'

export type FormPurpose = 'login' | 'consent' | 'abort' | 'switch' | 'end-consent' | 'ended-notice'

export interface FormGuard {
  /** The token for a form of this purpose in this interaction, or in this session. */
  tokenFor(purpose: FormPurpose, uid: string): string
  /** Whether this is the token for this purpose. */
  isTokenFor(token: string, purpose: FormPurpose, uid: string): boolean
  /** Throws `FormForged` when the browser says that another site sent this. */
  refuseOtherOrigins(ctx: Context): void
  /** Throws `FormForged` unless the form carries the token for this purpose and interaction. */
  refuseOtherForms(form: Form, purpose: FormPurpose, uid: string): void
}

/** The header by which the browser says that another site sent this; `undefined` when none does. */
export function foreignHeader({ headers }: IncomingMessage, ownOrigin: string): string | undefined {
  // Browsers too old for these headers send neither, and then the token and the cookie decide.
  if (headers.origin !== undefined && headers.origin !== ownOrigin) return 'Origin'
  const site = headers['sec-fetch-site']
  return site === undefined || site === 'same-origin' || site === 'none' ? undefined : 'Sec-Fetch-Site'
}

export function createFormGuard({ csrfKey, issuer }: { csrfKey: Uint8Array; issuer: string }): FormGuard {
  const ownOrigin = new URL(issuer).origin

  function tokenBytes(purpose: FormPurpose, uid: string): Buffer {
    return createHmac('sha256', csrfKey).update(`${purpose}\n${uid}`).digest()
  }

  function isTokenFor(token: string, purpose: FormPurpose, uid: string): boolean {
    const given = Buffer.from(token, 'base64url')
    const due = tokenBytes(purpose, uid)
    return given.length === due.length && timingSafeEqual(given, due)
  }

  return {
    tokenFor: (purpose, uid) => tokenBytes(purpose, uid).toString('base64url'),

    refuseOtherOrigins(ctx) {
      const foreign = foreignHeader(ctx.req, ownOrigin)
      if (foreign !== undefined) throw new FormForged({ detail: `another ${foreign}` })
    },

    isTokenFor,

    refuseOtherForms(form, purpose, uid) {
      if (!isTokenFor(form.get(TOKEN_FIELD) ?? '', purpose, uid)) {
        throw new FormForged({ detail: form.has(TOKEN_FIELD) ? 'another form token' : 'no form token' })
      }
    },
  }
}
