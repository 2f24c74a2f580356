/** Names, places and length of files, and syntax that Node runs as it stands. */

import { ENTRIES, FOLDERS, FORM } from '../layers.ts'
import type { Problem, Source } from './source.ts'

export function formProblems(source: Source): Problem[] {
  return [...placeProblems(source), ...exportProblems(source), ...textProblems(source)]
}

/** One problem a folder, at the first of its files. */
export function roomProblems(sources: readonly Source[]): Problem[] {
  const byFolder = Map.groupBy(sources, ({ path }) => path.split('/').slice(0, -1).join('/'))
  return [...byFolder].flatMap(([folder, files]) => {
    const [source] = files
    if (source === undefined || files.length <= FORM.mostFiles) return []
    const what = `is one of ${files.length} files at one level of ${folder}/, more than ${FORM.mostFiles}`
    return { source, rule: 'rooms', what, remedy: 'Name the rooms of the folder and move its files into them.' }
  })
}

function placeProblems(source: Source): Problem[] {
  const { path, folder } = source
  const problem = (rule: string, what: string, remedy: string): Problem => ({ source, rule, what, remedy })
  const attics = path
    .split('/')
    .slice(0, -1)
    .filter((name) => FORM.attics.some((attic) => attic === name))
  return [
    ...attics.map((name) =>
      problem('names', `stands in ${name}/, a name that says nothing`, 'Name the folder for what it owns.'),
    ),
    ...(folder === '' && !(path in ENTRIES)
      ? [
          problem(
            'places',
            `stands beside the entries ${Object.keys(ENTRIES).join(', ')}`,
            'Move it into the folder that owns it.',
          ),
        ]
      : []),
    ...(folder !== '' && !(folder in FOLDERS)
      ? [
          problem(
            'places',
            `stands in ${folder}/, which has no row`,
            'Give the folder a row in test/house/layers.ts: layer, what it owns, what it must not know.',
          ),
        ]
      : []),
    ...(path.endsWith('/index.ts') && !FORM.indexes.some((index) => index === path)
      ? [
          problem(
            'names',
            'is an index.ts',
            'Name the file for what it holds; only a published folder has an index.ts.',
          ),
        ]
      : []),
    ...(/(^|\/)[^/]*[A-Z_][^/]*\.ts$/.test(path)
      ? [problem('names', 'is not in kebab-case', 'Rename it in kebab-case.')]
      : []),
  ]
}

function exportProblems(source: Source): Problem[] {
  return source.program.body.flatMap((statement): Problem[] => {
    const problem = (rule: string, what: string, remedy: string): Problem[] => [
      { source, at: statement.start, rule, what, remedy },
    ]
    if (statement.type === 'ExportDefaultDeclaration' || exportsDefault(statement))
      return problem('names', 'has a default export', 'Export it by name: a thing has one name everywhere.')
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (declaration?.type === 'TSEnumDeclaration' || declaration?.type === 'TSModuleDeclaration')
      return problem(
        'syntax',
        'declares an enum or a namespace',
        'Use a const object or a union: Node strips types and compiles nothing.',
      )
    if (statement.type !== 'ExportNamedDeclaration') return []
    return declaredNames(declaration)
      .filter((name) => FORM.hedges.test(name))
      .flatMap((name) =>
        problem('names', `exports ${name}`, 'Name it for what it does or is, without Manager, Service or Processor.'),
      )
  })
}

function exportsDefault(statement: { readonly type: string }): boolean {
  const { specifiers = [] } = statement as { specifiers?: readonly { exported?: { name?: string } }[] }
  return statement.type === 'ExportNamedDeclaration' && specifiers.some(({ exported }) => exported?.name === 'default')
}

function declaredNames(declaration: { readonly type: string } | null): string[] {
  const node = declaration as { id?: { name?: string }; declarations?: readonly { id: { name?: string } }[] } | null
  return [node?.id?.name, ...(node?.declarations ?? []).map(({ id }) => id.name)].flatMap((name) => name ?? [])
}

function textProblems(source: Source): Problem[] {
  const { text } = source
  const lines = text.split('\n').length - 1
  const problems: Problem[] = []
  if (!text.replace(/^#!.*\n/, '').startsWith('/**'))
    problems.push({
      ...{ source, rule: 'opening comment', what: 'does not open with a doc comment' },
      remedy: 'Say in one sentence what the file owns.',
    })
  if (lines > FORM.longestFile)
    problems.push({
      ...{ source, rule: 'length', what: `has ${lines} lines, more than ${FORM.longestFile}` },
      remedy: 'Split it by what its parts own.',
    })
  return problems
}
