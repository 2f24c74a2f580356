/** What browsers, crawlers and researchers ask a host for: its icon, robots.txt, and the addresses that the operator set. */

import type { WellKnown } from '../../config/config.ts'
import type { PageHandlers } from '../pages/handlers.ts'
import { sendOn } from '../pages/send-on.ts'
import type { Views } from '../pages/views.ts'

const DAY = 'public, max-age=86400'
const ROBOTS = 'User-agent: *\nDisallow: /\n'

export interface WellKnownParts {
  readonly issuer: string
  readonly views: Views
  readonly wellKnown: WellKnown
}

/** An address that is not set has no handler, so it answers as one that does not exist. */
export function wellKnownPages({ issuer, views, wellKnown }: WellKnownParts): PageHandlers {
  const { changePassword, securityText } = wellKnown
  const text = securityText && securityTextOf(issuer, securityText)
  return {
    favicon(ctx) {
      const { type, body } = views.assets.favicon
      ctx.type = type
      ctx.set('Cache-Control', DAY)
      ctx.body = body
    },

    robots(ctx) {
      ctx.type = 'text/plain; charset=utf-8'
      ctx.set('Cache-Control', DAY)
      ctx.body = ROBOTS
    },

    ...(changePassword !== undefined && {
      'change-password': (ctx) => sendOn(ctx, changePassword),
    }),

    ...(text !== undefined && {
      'security-txt'(ctx) {
        ctx.type = 'text/plain; charset=utf-8'
        ctx.set('Cache-Control', DAY)
        ctx.body = text
      },
    }),
  }
}

/** As RFC 9116 section 2.5 has it; each value is printable and without spaces, so none makes a line of its own. */
function securityTextOf(issuer: string, { contact, expires, policy }: NonNullable<WellKnown['securityText']>): string {
  const lines = [
    ...contact.map((address) => `Contact: ${address}`),
    `Expires: ${expires}`,
    `Canonical: ${issuer}/.well-known/security.txt`,
    ...(policy === undefined ? [] : [`Policy: ${policy}`]),
  ]
  return `${lines.join('\n')}\n`
}
