/** What the server answers at well-known addresses about its operator. */

import { z } from 'zod'

import { mapping } from '../../registry/problems.ts'
import type { WellKnown } from '../config.ts'

const HTTPS_WANTS = 'an https address'
const CONTACT_WANTS = 'an https, mailto or tel address'
const CONTACTS_WANT = 'a list of https, mailto or tel addresses'
const EXPIRES_WANTS = 'a moment such as "2027-01-31T00:00:00Z", in quotes'

const securityTextSchema = mapping({
  contact: z
    .array(z.string({ error: CONTACT_WANTS }).refine(isOf('https:', 'mailto:', 'tel:'), { error: CONTACT_WANTS }), {
      error: CONTACTS_WANT,
    })
    .min(1, { error: CONTACTS_WANT })
    .describe('Where to report a weakness of this server, the preferred way first.'),
  expires: z
    .string({ error: EXPIRES_WANTS })
    .refine((text) => /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text)), {
      error: EXPIRES_WANTS,
    })
    .describe('When this stops being true; at most a year ahead is advised (RFC 9116 section 2.5.5).'),
  policy: httpsAddress().optional().describe('Your policy on reports.'),
})

export const wellKnownSchema = mapping({
  change_password: httpsAddress()
    .optional()
    .describe('Where people change their password; `/.well-known/change-password` leads there.'),
  security_txt: securityTextSchema.optional().describe('What stands in `/.well-known/security.txt` (RFC 9116).'),
})

export function toWellKnown(read: z.output<typeof wellKnownSchema>): WellKnown {
  return { changePassword: read.change_password, securityText: read.security_txt }
}

function httpsAddress() {
  return z.string({ error: HTTPS_WANTS }).refine(isOf('https:'), { error: HTTPS_WANTS })
}

/** Printable without spaces, so that no line of a text file can be added. */
function isOf(...schemes: string[]): (text: string) => boolean {
  return (text) => /^[\x21-\x7e]+$/.test(text) && schemes.includes(URL.parse(text)?.protocol ?? '')
}
