/** Only composition roots make the parts of several folders. Every other file is handed the parts it works with. */

import { COMPOSITION_ROOTS, ENTRIES, FOLDERS } from '../layers.ts'
import { type Problem, type Source, walk } from './source.ts'

const MAKERS = /^(?:create|open|build|start)[A-Z]/
/** Below this layer a maker only shapes values (a sealer, a schema). */
const LOWEST_PART = 'store'

export function compositionProblems(source: Source): Problem[] {
  if (ENTRIES[source.path]?.imports === 'everything' || COMPOSITION_ROOTS.some(({ file }) => file === source.path))
    return []
  const layer = FOLDERS[source.folder]?.layer
  if (layer === 'aside') return []
  const made = makersCalledIn(source)
  const [first] = made
  if (first === undefined) return []
  const what = `makes parts of other folders (${made.map(({ name }) => name).join(', ')})`
  const remedy = 'Take the part as an argument and make it in a composition root (app.ts).'
  return [{ source, at: first.at, rule: 'composition', what, remedy }]
}

function makersCalledIn({ folder, imports, program }: Source): { readonly name: string; readonly at: number }[] {
  const foreign = new Set(
    imports
      .filter(({ file, typeOnly }) => !typeOnly && file !== undefined && isPart(file.split('/')[0] ?? '', folder))
      .flatMap(({ names }) => names)
      .filter((name) => MAKERS.test(name)),
  )
  const called: { name: string; at: number }[] = []
  walk(program, {
    CallExpression({ callee, start }) {
      if (callee.type === 'Identifier' && foreign.has(callee.name)) called.push({ name: callee.name, at: start })
    },
  })
  return called
}

function isPart(folder: string, own: string): boolean {
  const [layer, lowest] = [FOLDERS[folder]?.layer, FOLDERS[LOWEST_PART]?.layer]
  return folder !== own && typeof layer === 'number' && typeof lowest === 'number' && layer >= lowest
}
