/** A source file as the rules see it: its text, its syntax tree and its imports. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

import { type Node, parseSync, type Program, Visitor, type VisitorObject } from 'oxc-parser'

export interface Import {
  /** As it is written. */
  readonly from: string
  /** Below src/, for a file of ours. */
  readonly file: string | undefined
  /** Without the path inside the package, or `undefined` for a file of ours. */
  readonly package: string | undefined
  /** The imported names, as the exporting file calls them. */
  readonly names: readonly string[]
  /** Nothing of it is left when Node strips the types. */
  readonly typeOnly: boolean
  readonly at: number
}

export interface Source {
  /** Below src/, with forward slashes. */
  readonly path: string
  /** The folder directly in src/; empty for an entry. */
  readonly folder: string
  readonly text: string
  readonly program: Program
  readonly imports: readonly Import[]
}

/** One broken rule, in one sentence: file and line, rule, what is wrong, remedy. */
export interface Problem {
  readonly source: Pick<Source, 'path' | 'text'>
  /** Offset in the text. */
  readonly at?: number
  readonly rule: string
  readonly what: string
  readonly remedy: string
}

/** Every source below `root`/src. */
export function readSources(root: string): Source[] {
  const src = join(root, 'src')
  const paths = readdirSync(src, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'))
  return paths
    .filter((path) => path.endsWith('.ts'))
    .map((path) => parseSource(path, readFileSync(join(src, path), 'utf8')))
}

export function parseSource(path: string, text: string): Source {
  const { program, module, errors } = parseSync(path, text)
  if (errors.length > 0) throw new SyntaxError(`src/${path}: ${errors[0]?.message}`)
  const named = (from: string, at: number, names: readonly string[], typeOnly: boolean): Import => {
    const isOurs = from.startsWith('.')
    return {
      from,
      file: isOurs ? posix.normalize(posix.join(dirname(path), from)) : undefined,
      package: isOurs ? undefined : packageOf(from),
      ...{ names, typeOnly, at },
    }
  }
  const statics = module.staticImports.map(({ start, end, moduleRequest, entries }) => {
    const typeOnly = text.slice(start, end).startsWith('import type') || isAllTypes(entries)
    return named(moduleRequest.value, start, entries.map(importedName), typeOnly)
  })
  const exported = module.staticExports.flatMap(({ start, end, entries }) => {
    const [first] = entries.flatMap(({ moduleRequest }) => (moduleRequest === null ? [] : [moduleRequest.value]))
    if (first === undefined) return []
    const typeOnly = text.slice(start, end).startsWith('export type') || isAllTypes(entries)
    return [named(first, start, entries.map(importedName), typeOnly)]
  })
  const inner: Import[] = []
  walk(program, {
    ImportExpression: ({ source, start }) => {
      if (source.type === 'Literal' && typeof source.value === 'string')
        inner.push(named(source.value, start, [], false))
    },
    TSImportType: ({ source, start }) => void inner.push(named(source.value, start, [], true)),
    CallExpression: ({ callee, arguments: [given], start }) => {
      if (callee.type === 'Identifier' && callee.name === 'require' && given?.type === 'Literal')
        inner.push(named(String(given.value), start, [], false))
    },
  })
  const folder = path.includes('/') ? (path.split('/')[0] ?? '') : ''
  return { path, folder, text, program, imports: [...statics, ...exported, ...inner] }
}

export function walk(program: Program, visitor: VisitorObject): void {
  new Visitor(visitor).visit(program)
}

export function lineOf({ text }: Pick<Source, 'text'>, at: number): number {
  return text.slice(0, at).split('\n').length
}

export type { Node }

function importedName({ importName }: { importName: { name: string | null; kind: string } }): string {
  return importName.name ?? importName.kind
}

function isAllTypes(entries: readonly { readonly isType: boolean }[]): boolean {
  return entries.length > 0 && entries.every(({ isType }) => isType)
}

function packageOf(from: string): string {
  if (from.startsWith('node:')) return from
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')
}
