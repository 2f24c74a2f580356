/** Every code block of README and docs/, where it stands and in what language. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from '../house/root.ts'

export interface Block {
  /** Page and line, for the title of a test. */
  readonly at: string
  readonly page: string
  /** Empty when the fence names none. */
  readonly language: string
  readonly text: string
}

const BESIDE_DOCS = ['README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'SECURITY.md', 'RELEASING.md', 'keys/README.md']
const ELSEWHERE = ['src/samples/signing-process/README.md', 'tools/chaos/README.md', 'test/README.md']

export function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((path) => `docs/${path}`)
  return [...BESIDE_DOCS, ...ELSEWHERE, ...docs.filter((path) => path.endsWith('.md'))]
}

export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return [...text.matchAll(/^( *)```([\w-]*)\n([\s\S]*?)^\1```$/gm)].map(
    ({ 2: language = '', 3: inside = '', index }) => {
      const line = text.slice(0, index).split('\n').length
      return { at: `${page}:${line}`, page, language, text: inside }
    },
  )
}
