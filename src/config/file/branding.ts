/** What the pages show of the operator: name, logo, colour, and links in the footer. */

import { resolve } from 'node:path'
import { z } from 'zod'

import { mapping, shown } from '../../registry/problems.ts'
import type { ReadFile } from '../../registry/secrets/secret-file.ts'
import type { Branding } from '../config.ts'

const LINK_WANTS = 'an https or mailto address'
const COLOUR_WANTS = 'a colour such as "#0b6b5d", in quotes'
const LOGO_WANTS = 'the path of an .svg, .png or .webp file of at most 200 kB'
const LONGEST_LOGO = 200_000

export const brandingSchema = mapping({
  name: z
    .string({ error: 'a short text' })
    .min(1, { error: 'a short text' })
    .max(60, { error: 'a text of at most 60 characters' })
    .optional()
    .describe('The name above every page and in its title; unset: Grantor.'),
  logo: z
    .string({ error: LOGO_WANTS })
    .regex(/\.(svg|png|webp)$/, { error: LOGO_WANTS })
    .optional()
    .describe('The picture next to the name: an .svg, .png or .webp file of at most 200 kB, served by this server.'),
  colour: z
    .string({ error: COLOUR_WANTS })
    .regex(/^#[0-9a-fA-F]{6}$/, { error: COLOUR_WANTS })
    .optional()
    .describe('The colour of buttons and links; it is made darker or lighter where text would be hard to read.'),
  help: link().describe('Where people find help; a link at the foot of every page.'),
  privacy: link().describe('The privacy policy; a link at the foot of every page.'),
  terms: link().describe('The terms of use; a link at the foot of every page.'),
})

/** Throws nothing: a logo that cannot be read is a problem. A relative path begins where the file is. */
export function toBranding(
  read: z.output<typeof brandingSchema>,
  { folder, readFile, problems }: { folder: string; readFile: ReadFile; problems: string[] },
): Branding {
  const logo = read.logo === undefined ? undefined : resolve(folder, read.logo)
  if (logo !== undefined && !isReadable(logo, readFile)) {
    problems.push(`branding.logo is ${shown(read.logo)}; it wants ${LOGO_WANTS} that this process may read.`)
  }
  const { name, colour, help, privacy, terms } = read
  return { name, logo, colour: colour?.toLowerCase(), help, privacy, terms }
}

function isReadable(path: string, readFile: ReadFile): boolean {
  try {
    const { length } = readFile(path)
    return length > 0 && length <= LONGEST_LOGO
  } catch {
    return false
  }
}

function link() {
  return z.string({ error: LINK_WANTS }).refine(isLink, { error: LINK_WANTS }).optional()
}

function isLink(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'mailto:' && url.pathname.includes('@'))
}
