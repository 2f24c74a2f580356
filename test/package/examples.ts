/** The programs of docs/protect-an-api.md, as files that can be run: a block that listens is a whole program. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from '../house/root.ts'

export interface Example {
  /** What stands above it on the page. */
  readonly title: string
  readonly text: string
}

/** Stands on the page where a reader puts the address of their own server. */
const ISSUER = 'https://login.example'

export function programs(): Example[] {
  return examples().filter(({ text }) => /\.listen\(/.test(text))
}

/** Every example in TypeScript, whole programs and pieces. */
export function examples(): Example[] {
  const page = readFileSync(join(ROOT, 'docs/protect-an-api.md'), 'utf8')
  return [...page.matchAll(/([^\n]*)\n\n```ts\n([\s\S]*?)```/g)].map(({ 1: above = '', 2: text = '', index }) => ({
    title:
      /^[A-Z].*:$/.test(above) && above.length < 50
        ? above.slice(0, -1).replaceAll('`', '')
        : headingAbove(page, index),
    text,
  }))
}

/** The one program of the page that says so. */
export function programWith(words: string): Example {
  const [program, ...others] = programs().filter(({ text }) => text.includes(words))
  if (program === undefined || others.length > 0) throw new TypeError(`not one program with ${words}`)
  return program
}

/** The program for this issuer and port instead of those on the page. Throws when the page does not name them. */
export function settle({ title, text }: Example, { issuer, port }: { issuer: string; port: number }): string {
  const settled = text.replaceAll(ISSUER, issuer).replaceAll(/\b40\d\d\b/g, String(port))
  if (!settled.includes(issuer) || !settled.includes(String(port))) {
    throw new TypeError(`"${title}" names no ${ISSUER}, or no port from 4000 to 4099`)
  }
  return settled
}

function headingAbove(page: string, index: number): string {
  return [...page.slice(0, index).matchAll(/^## (?:\d+\. )?(.+)$/gm)].at(-1)?.[1] ?? ''
}
