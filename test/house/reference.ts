/**
 * The reference of the two published packages, printed from their sources: every export with its declaration and its doc
 * comment. `node test/house/write-docs.ts` writes docs/reference/; docs.test.ts compares.
 */

import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

import { parseSync, type Statement } from 'oxc-parser'

import { ROOT } from './root.ts'

const PACKAGES = [
  { page: 'docs/reference/resource.md', name: 'grantor/resource', entry: 'src/resource/index.ts' },
  { page: 'docs/reference/testing.md', name: 'grantor/testing', entry: 'src/testing/testing.ts' },
]

export interface ReferencePage {
  readonly page: string
  readonly text: string
}

export function referencePages(): ReferencePage[] {
  return PACKAGES.map(({ page, name, entry }) => {
    const sections = exportsOf(entry)
      .toSorted((a, b) => a.name.localeCompare(b.name, 'en'))
      .map(sectionOf)
    const opening = `Printed from the sources by \`npx node test/house/write-docs.ts\`. A change here is a change there.`
    return { page, text: `# ${name}\n\n${opening}\n\n${sections.join('\n\n')}\n` }
  })
}

interface Exported {
  readonly name: string
  /** The declaration without bodies. */
  readonly declaration: string
  readonly comment: string
  readonly file: string
}

/** What a file exports: its own declarations, and those that it takes from other files. */
function exportsOf(file: string): Exported[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const { program, comments } = parseSync(file, text)
  return program.body.flatMap((statement): Exported[] => {
    if (statement.type !== 'ExportNamedDeclaration') return []
    if (statement.source !== null) {
      const from = posix.join(dirname(file), statement.source.value)
      const names = statement.specifiers.map(({ local }) => ('name' in local ? local.name : local.value))
      return exportsOf(from).filter(({ name }) => names.includes(name))
    }
    const name = nameOf(statement.declaration)
    if (name === undefined) return []
    const before = comments.findLast(({ type, end }) => type === 'Block' && end <= statement.start)
    const isItsOwn = before !== undefined && text.slice(before.end, statement.start).trim() === ''
    const comment = isItsOwn && before.value.startsWith('*') ? commentText(before.value) : ''
    return [{ name, declaration: declarationOf(statement.declaration, text), comment, file }]
  })
}

type Declared = Extract<Statement, { type: 'ExportNamedDeclaration' }>['declaration']

function nameOf(declaration: Declared): string | undefined {
  if (declaration === null) return undefined
  if (declaration.type === 'VariableDeclaration') {
    const [first] = declaration.declarations
    return first?.id.type === 'Identifier' ? first.id.name : undefined
  }
  return 'id' in declaration && declaration.id?.type === 'Identifier' ? declaration.id.name : undefined
}

/** An interface or a type as it stands, a function by its head, a class by its public members' heads. */
function declarationOf(declaration: Declared, text: string): string {
  if (declaration === null) return ''
  const slice = (from: number, to: number) => text.slice(from, to).trim()
  if (declaration.type === 'FunctionDeclaration' && declaration.body !== null)
    return slice(declaration.start, declaration.body.start)
  if (declaration.type === 'ClassDeclaration') {
    const members = declaration.body.body.flatMap((member): string[] => {
      if (member.type === 'PropertyDefinition' && member.key.type !== 'PrivateIdentifier')
        return [slice(member.start, member.end)]
      if (member.type !== 'MethodDefinition' || member.key.type === 'PrivateIdentifier') return []
      return [slice(member.start, member.value.body?.start ?? member.end)]
    })
    const body = members.length === 0 ? '' : `\n${members.map((member) => `  ${member}\n`).join('')}`
    return `${slice(declaration.start, declaration.body.start)} {${body}}`
  }
  return slice(declaration.start, declaration.end)
}

function commentText(value: string): string {
  return value
    .replace(/^\*\s?/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
}

function sectionOf({ name, declaration, comment, file }: Exported): string {
  const parts = [`## ${name}`, comment, `\`\`\`ts\n${declaration}\n\`\`\``, `In \`${file}\`.`]
  return parts.filter((part) => part !== '').join('\n\n')
}
