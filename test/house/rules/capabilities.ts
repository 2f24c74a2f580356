/** What reaches outside the process, or makes two runs differ, happens in the files listed for it. */

import type { BindingPattern, BindingRestElement, Expression, ParamPattern } from 'oxc-parser'

import { CAPABILITIES, type Capability, ENTRIES, FOLDERS, GRANTS } from '../layers.ts'
import { type Problem, type Source, walk } from './source.ts'

interface Use {
  readonly capability: Capability
  readonly by: string
  readonly at: number
}

const REMEDIES: Record<Capability, string> = {
  clock: 'Take a `Clock` as an argument (base/clock.ts).',
  chance: 'Use base/ids.ts.',
  timers: 'Let jobs/ or the caller decide when it runs.',
  network: 'Take a function that asks as an argument, and make the call in a folder that may use the network.',
  files: 'Take the content as an argument, or read it in config/.',
  environment: 'Declare a setting in config/environment/settings.ts and take its value as an argument.',
  process: 'Report to the caller; only the entries and the supervisor control the process.',
}

/** Modules that are a capability as soon as a value is imported; with names, only those. */
const MODULES: Readonly<Record<string, { readonly capability: Capability; readonly names?: readonly string[] }>> = {
  'node:fs': { capability: 'files' },
  'node:fs/promises': { capability: 'files' },
  'node:sqlite': { capability: 'files' },
  'node:http': {
    capability: 'network',
    names: ['request', 'get', 'createServer', 'Server', 'Agent', 'NamespaceObject', 'Default'],
  },
  'node:https': { capability: 'network' },
  'node:http2': { capability: 'network' },
  'node:net': {
    capability: 'network',
    names: ['connect', 'createConnection', 'createServer', 'Socket', 'Server', 'NamespaceObject', 'Default'],
  },
  'node:tls': { capability: 'network' },
  'node:dns': { capability: 'network' },
  'node:dns/promises': { capability: 'network' },
  'node:dgram': { capability: 'network' },
  ioredis: { capability: 'network' },
  'node:timers': { capability: 'timers' },
  'node:timers/promises': { capability: 'timers' },
  'node:perf_hooks': { capability: 'clock' },
  'node:child_process': { capability: 'process' },
  'node:cluster': { capability: 'process' },
  'node:worker_threads': { capability: 'process' },
  'node:v8': { capability: 'process' },
  'node:vm': { capability: 'process' },
}

const GLOBALS: Readonly<Record<string, Capability>> = {
  fetch: 'network',
  WebSocket: 'network',
  EventSource: 'network',
  setTimeout: 'timers',
  setInterval: 'timers',
  setImmediate: 'timers',
  performance: 'clock',
}

/** Members of global objects. */
const MEMBERS: Readonly<Record<string, Capability>> = {
  'Date.now': 'clock',
  'Math.random': 'chance',
  'process.env': 'environment',
  'process.hrtime': 'clock',
  'process.exit': 'process',
  'process.kill': 'process',
  'process.on': 'process',
  'process.once': 'process',
  'process.chdir': 'process',
  'process.exitCode': 'process',
}

/** Exports of ours that are the capability itself: what takes one of them by itself reads the clock. */
const OWN: Readonly<Record<string, Readonly<Record<string, Capability>>>> = {
  'base/clock.ts': { systemClock: 'clock', monotonicClock: 'clock' },
}

export function capabilityProblems(source: Source): Problem[] {
  const allowed = allowedIn(source)
  return usesIn(source)
    .filter(({ capability }) => !allowed.includes(capability))
    .map(({ capability, by, at }) => ({
      ...{ source, at, rule: capability },
      what: `${CAPABILITIES[capability]} by ${by}`,
      remedy: REMEDIES[capability],
    }))
}

function allowedIn({ path, folder }: Source): readonly Capability[] {
  const granted = GRANTS.filter(({ file }) => file === path).flatMap(({ may }) => may)
  return [...granted, ...((folder === '' ? ENTRIES[path]?.may : FOLDERS[folder]?.may) ?? [])]
}

export function usesIn(source: Source): Use[] {
  return [...importedUses(source), ...globalUses(source)].toSorted((a, b) => a.at - b.at)
}

function importedUses({ imports }: Source): Use[] {
  return imports.flatMap(({ from, file, names, typeOnly, at }): Use[] => {
    if (typeOnly) return []
    const own = Object.entries(OWN[file ?? ''] ?? {})
    const module = MODULES[from]
    if (module !== undefined && (module.names === undefined || names.some((name) => module.names?.includes(name))))
      return [{ capability: module.capability, by: `importing ${from}`, at }]
    if (from === 'node:process' || from === 'process')
      return [{ capability: names.includes('env') ? 'environment' : 'process', by: `importing ${from}`, at }]
    return own
      .filter(([name]) => names.includes(name))
      .map(([name, capability]) => ({ capability, by: `importing ${name}`, at }))
  })
}

function globalUses(source: Source): Use[] {
  const shadowed = namesDeclaredIn(source)
  const uses: Use[] = []
  const add = (name: string, at: number, isShadowed = shadowed.has(name)) => {
    const capability = MEMBERS[name] ?? (isShadowed ? undefined : GLOBALS[name])
    if (capability !== undefined) uses.push({ capability, by: name, at })
  }
  walk(source.program, {
    MemberExpression({ object, property, computed, start }) {
      const root = nameOfGlobal(object)
      const member =
        !computed && property.type === 'Identifier'
          ? property.name
          : property.type === 'Literal'
            ? String(property.value)
            : undefined
      if (root === 'globalThis' && member !== undefined) add(member, start, false)
      else if (root !== undefined && member !== undefined) add(`${root}.${member}`, start)
    },
    VariableDeclarator({ id, init, start }) {
      const root = init === null ? undefined : nameOfGlobal(init)
      if (root === undefined || id.type !== 'ObjectPattern') return
      for (const property of id.properties)
        if (property.type === 'Property' && property.key.type === 'Identifier')
          add(`${root}.${property.key.name}`, start)
    },
    NewExpression({ callee, arguments: given, start }) {
      if (callee.type !== 'Identifier') return
      if (callee.name === 'Date' && given.length === 0) uses.push({ capability: 'clock', by: 'new Date()', at: start })
      else add(callee.name, start)
    },
    CallExpression({ callee, start }) {
      if (callee.type === 'Identifier') add(callee.name, start)
      if (callee.type === 'MemberExpression' && nameOfGlobal(callee.object) === 'performance') add('performance', start)
    },
    AssignmentPattern({ right, start }) {
      if (right.type === 'Identifier') add(right.name, start)
    },
  })
  return uses
}

/** `process`, `globalThis.process` and the like. */
function nameOfGlobal(node: Expression): string | undefined {
  if (node.type === 'Identifier') return node.name
  if (node.type !== 'MemberExpression' || node.computed) return undefined
  const isGlobal = node.object.type === 'Identifier' && node.object.name === 'globalThis'
  return isGlobal ? node.property.name : undefined
}

/** Parameters, variables, functions and imports of the file: `fetch` that is handed in is no use of the network. */
function namesDeclaredIn({ program, imports }: Source): Set<string> {
  const names = new Set(imports.flatMap((one) => one.names))
  const collect = (pattern: ParamPattern | BindingPattern | BindingRestElement | null): void => {
    if (pattern?.type === 'Identifier') names.add(pattern.name)
    else if (pattern?.type === 'AssignmentPattern') collect(pattern.left)
    else if (pattern?.type === 'RestElement') collect(pattern.argument)
    else if (pattern?.type === 'ArrayPattern') pattern.elements.forEach(collect)
    else if (pattern?.type === 'ObjectPattern')
      for (const one of pattern.properties) collect(one.type === 'Property' ? one.value : one)
  }
  const params = ({ params: given }: { readonly params: readonly ParamPattern[] }) => given.forEach(collect)
  walk(program, {
    VariableDeclarator: ({ id }) => collect(id),
    FunctionDeclaration({ id, params: given }) {
      if (id !== null) names.add(id.name)
      params({ params: given })
    },
    FunctionExpression: params,
    ArrowFunctionExpression: params,
  })
  return names
}
