/** The cookie that proves that an account signed in in this browser before (accounts/known-devices.ts). */

import type { Context } from 'koa'

import { DEVICE_SECONDS } from '../../accounts/known-devices.ts'

export interface DeviceCookie {
  read(ctx: Context): string | undefined
  write(ctx: Context, value: string): void
}

export function deviceCookie(issuer: string): DeviceCookie {
  const secure = issuer.startsWith('https:')
  const name = secure ? '__Host-grantor-device' : 'grantor-device'

  return {
    read: (ctx) => ctx.cookies.get(name, { signed: false }),

    write(ctx, value) {
      // Its value proves itself, so it is not signed again.
      const lasting = { maxAge: DEVICE_SECONDS * 1000, signed: false }
      ctx.cookies.set(name, value, { ...lasting, secure, httpOnly: true, sameSite: 'lax', path: '/' })
    },
  }
}
