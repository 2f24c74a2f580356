/**
 * Forms that only our own pages can send, in the browser that they were shown to.
 *
 * Three locks, each enough on its own in an ordinary browser: a token made for this interaction and this purpose, the
 * `Origin` and `Sec-Fetch-Site` that the browser attests, and the interaction's cookie, which the engine checks.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'

import type { Context } from 'koa'

import { FormForged } from '../../base/faults.ts'
import type { Form } from './form.ts'

/** The hidden field that carries the token. */
export const TOKEN_FIELD = 'csrf'

export type FormPurpose = 'login' | 'consent' | 'abort'

export interface FormGuard {
  /** The token for a form of this purpose in this interaction. */
  tokenFor(purpose: FormPurpose, uid: string): string
  /** Throws `FormForged` when the browser says that another site sent this. */
  refuseOtherOrigins(ctx: Context): void
  /** Throws `FormForged` unless the form carries the token for this purpose and interaction. */
  refuseOtherForms(form: Form, purpose: FormPurpose, uid: string): void
}

export function createFormGuard({ csrfKey, issuer }: { csrfKey: Uint8Array; issuer: string }): FormGuard {
  const ownOrigin = new URL(issuer).origin

  function tokenBytes(purpose: FormPurpose, uid: string): Buffer {
    return createHmac('sha256', csrfKey).update(`${purpose}\n${uid}`).digest()
  }

  return {
    tokenFor: (purpose, uid) => tokenBytes(purpose, uid).toString('base64url'),

    refuseOtherOrigins(ctx) {
      // Browsers too old for these headers send neither, and then the token and the cookie decide.
      const origin = ctx.req.headers.origin
      if (origin !== undefined && origin !== ownOrigin) throw new FormForged({ detail: 'another Origin' })
      const site = ctx.req.headers['sec-fetch-site']
      if (site !== undefined && site !== 'same-origin' && site !== 'none') {
        throw new FormForged({ detail: 'another Sec-Fetch-Site' })
      }
    },

    refuseOtherForms(form, purpose, uid) {
      const given = Buffer.from(form.get(TOKEN_FIELD) ?? '', 'base64url')
      const due = tokenBytes(purpose, uid)
      if (given.length !== due.length || !timingSafeEqual(given, due)) {
        throw new FormForged({ detail: form.has(TOKEN_FIELD) ? 'another form token' : 'no form token' })
      }
    },
  }
}
