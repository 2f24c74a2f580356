/** Imports run downwards, packages stand where they are listed, and no two files import each other. */

import { EDGES, ENTRIES, FOLDERS, type Folder, USERS_OF_ASIDE } from '../layers.ts'
import type { Import, Problem, Source } from './source.ts'

export function layerProblems(source: Source): Problem[] {
  return source.imports.flatMap((one) => {
    if (one.file === undefined) return []
    const found =
      endingProblem(one) ?? (source.folder === '' ? entryProblem(source, one.file) : edgeProblem(source, one.file))
    return found === undefined ? [] : [{ source, at: one.at, rule: 'layers', ...found }]
  })
}

type Found = Pick<Problem, 'what' | 'remedy'> | undefined

function endingProblem({ from }: Import): Found {
  if (/\.(ts|json)$/.test(from)) return undefined
  return { what: `imports ${from} without its ending`, remedy: 'Write the ending .ts: Node resolves nothing else.' }
}

/** Entries start what composition roots compose. */
function entryProblem({ path }: Source, target: string): Found {
  const imports = ENTRIES[path]?.imports ?? []
  if (imports === 'everything') {
    const isEntry = target in ENTRIES && ENTRIES[target]?.imports !== 'everything'
    return isEntry
      ? { what: `imports the entry ${target}`, remedy: 'An entry imports the composition root.' }
      : undefined
  }
  if (imports.includes(folderOf(target))) return undefined
  return { what: `imports ${target}`, remedy: 'Only composition roots put parts together; compose it in app.ts.' }
}

function edgeProblem({ path, folder }: Source, target: string): Found {
  const other = folderOf(target)
  if (target.startsWith('..') || folder === other || isExcepted(path, target)) return undefined
  if (FOLDERS[folder]?.startsServer) return undefined
  const internal = FOLDERS[other]?.internal?.find((inside) => target.startsWith(`${other}/${inside}`))
  if (internal !== undefined)
    return {
      what: `imports ${target}, which is internal to ${other}/`,
      remedy: `Import what ${other}/ offers outside ${internal}`,
    }
  const offers = FOLDERS[other]?.offers
  if (offers !== undefined && !offers.some((file) => target === `${other}/${file}`))
    return {
      what: `imports ${target}, which is internal to ${other}/`,
      remedy: `Import what ${other}/${offers.join(', ')} offers, or offer more there.`,
    }
  if (USERS_OF_ASIDE[other]?.includes(folder)) return undefined
  if (FOLDERS[folder]?.layer === 'aside')
    return {
      what: `imports ${target}`,
      remedy: `${folder}/ is installed without the server; it imports nothing of ours.`,
    }
  if (FOLDERS[other]?.layer === 'aside')
    return {
      what: `imports ${target}`,
      remedy: `${other}/ is for others to install; move what both need to a lower layer.`,
    }
  if (other === '') return { what: `imports the entry ${target}`, remedy: 'Move what is needed into a folder.' }
  return heightProblem(folder, other, target)
}

function heightProblem(folder: string, other: string, target: string): Found {
  const [from, to] = [heightOf(FOLDERS[folder]), heightOf(FOLDERS[other])]
  if (from > to) return undefined
  const way = from === to ? 'sideways' : 'upwards'
  return {
    what: `imports ${target} ${way}, from layer ${from} to layer ${to}`,
    remedy: `Let ${folder}/ take it as an argument that a composition root hands in, or move what both need to a lower layer.`,
  }
}

function isExcepted(path: string, target: string): boolean {
  return EDGES.some((edge) => edge.file === path && edge.imports === target)
}

export function packageProblems(source: Source): Problem[] {
  const allowed = source.folder === '' ? [] : (FOLDERS[source.folder]?.packages ?? [])
  return source.imports.flatMap(({ package: name, from, at }) => {
    if (name === undefined || name.startsWith('node:') || allowed.includes(name)) return []
    const homes = Object.keys(FOLDERS).filter((folder) => FOLDERS[folder]?.packages?.includes(name))
    const remedy =
      homes.length === 0
        ? 'List the package in the folder’s row of test/house/layers.ts, with a reason in the commit.'
        : `${name} belongs in ${homes.map((home) => `${home}/`).join(', ')}; use what they export.`
    return [{ source, at, rule: 'packages', what: `imports ${from}`, remedy }]
  })
}

/** Cycles of files, once each: at run time, and such that only types close. */
export function cycleProblems(sources: readonly Source[]): Problem[] {
  const atRunTime = cyclesAmong(sources, ({ typeOnly }) => !typeOnly)
  const inRunTime = new Set(atRunTime.flat())
  const ofTypes = cyclesAmong(sources, () => true).filter((cycle) => !cycle.every((path) => inRunTime.has(path)))
  const problems = (cycles: readonly (readonly string[])[], rule: string): Problem[] =>
    cycles.map((cycle) => {
      const source = sources.find(({ path }) => path === cycle[0]) ?? { path: cycle[0] ?? '', text: '' }
      const what = `imports itself through ${cycle.slice(1).join(', ')}`
      return { source, rule, what, remedy: 'Move what both need into a file that imports neither.' }
    })
  return [...problems(atRunTime, 'cycles'), ...problems(ofTypes, 'type cycles')]
}

/** Strongly connected components of more than one file (Tarjan). */
function cyclesAmong(sources: readonly Source[], counts: (one: Import) => boolean): string[][] {
  const edges = new Map(
    sources.map(({ path, imports }) => [path, imports.filter(counts).flatMap(({ file }) => file ?? [])]),
  )
  const order = new Map<string, { index: number; low: number }>()
  const stack: string[] = []
  const found: string[][] = []

  function visit(path: string): number {
    const mark = { index: order.size, low: order.size }
    order.set(path, mark)
    stack.push(path)
    for (const next of edges.get(path) ?? []) {
      if (!edges.has(next)) continue
      const seen = order.get(next)
      if (seen === undefined) mark.low = Math.min(mark.low, visit(next))
      else if (stack.includes(next)) mark.low = Math.min(mark.low, seen.index)
    }
    if (mark.low === mark.index) {
      const members = stack.splice(stack.indexOf(path))
      if (members.length > 1) found.push(members.toSorted())
    }
    return mark.low
  }

  for (const path of edges.keys()) if (!order.has(path)) visit(path)
  return found
}

function heightOf(folder: Folder | undefined): number {
  return typeof folder?.layer === 'number' ? folder.layer : 100
}

function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : ''
}
