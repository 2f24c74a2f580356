/** Nothing at the top of a module changes, so that two servers fit into one process. */

import { MODULE_STATE } from '../layers.ts'
import { type Problem, type Source, walk } from './source.ts'

const CONTAINERS = ['Map', 'Set', 'WeakMap', 'WeakSet', 'Array']
/** Constructors whose objects do not change, or only hold what a caller gives them. */
const CONSTANT = ['URL', 'RegExp', 'Error', 'TypeError', 'TextEncoder', 'TextDecoder', 'Uint8Array', 'Date']
const CHANGING = [
  'push',
  'pop',
  'shift',
  'unshift',
  'splice',
  'sort',
  'reverse',
  'fill',
  'set',
  'add',
  'delete',
  'clear',
]
const MAKERS = /^(?:create|open|start|make)[A-Z]/
const REMEDY = 'Make it inside the function that the composition root calls; two servers must fit into one process.'

export function stateProblems(source: Source): Problem[] {
  const found = [...declaredState(source), ...changedConstants(source), ...changedGlobals(source)]
  return found
    .filter(({ name }) => !MODULE_STATE.some((one) => one.file === source.path && one.name === name))
    .map(({ name, at, what }) => ({
      source,
      at,
      rule: 'module state',
      what: what ?? `keeps ${name} for the whole process`,
      remedy: REMEDY,
    }))
}

interface State {
  readonly name: string
  readonly at: number
  readonly what?: string
}

function declaredState({ program }: Source): State[] {
  const states: State[] = []
  for (const statement of program.body) {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (declaration?.type === 'ClassDeclaration') states.push(...staticFields(declaration))
    if (declaration?.type !== 'VariableDeclaration' || declaration.declare) continue
    for (const { id, init, start } of declaration.declarations) {
      const name = id.type === 'Identifier' ? id.name : 'a value'
      if (declaration.kind !== 'const' || isState(init)) states.push({ name, at: start })
    }
  }
  return states
}

function isState(init: { readonly type: string } | null): boolean {
  if (init === null) return true
  const node = init as {
    type: string
    callee?: { type: string; name?: string }
    arguments?: unknown[]
    expression?: never
  }
  if (node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression') return isState(node.expression ?? null)
  if (node.type === 'AwaitExpression') return false
  const name = node.callee?.name
  if (name === undefined) return false
  if (node.type === 'CallExpression') return MAKERS.test(name)
  if (node.type !== 'NewExpression') return false
  // A container that begins with its content is a table; changedConstants sees it changed.
  return CONTAINERS.includes(name) ? node.arguments?.length === 0 : !CONSTANT.includes(name)
}

function staticFields({ body }: { body: { body: readonly { type: string }[] } }): State[] {
  return body.body.flatMap((member) => {
    const field = member as {
      type: string
      static?: boolean
      readonly?: boolean
      key?: { name?: string }
      start: number
    }
    if (field.type !== 'PropertyDefinition' || field.static !== true || field.readonly === true) return []
    return [{ name: `static ${field.key?.name ?? 'field'}`, at: field.start }]
  })
}

/** Constants of the module that a function of the module changes. */
function changedConstants(source: Source): State[] {
  const constants = new Set(
    source.program.body.flatMap((statement) => {
      const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
      if (declaration?.type !== 'VariableDeclaration') return []
      return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []))
    }),
  )
  return changesOf(source, (name) => constants.has(name)).filter(({ name }) => !isShadowed(source, name))
}

/** A parameter or an inner variable of the same name. */
function isShadowed({ program }: Source, name: string): boolean {
  let declared = 0
  walk(program, {
    VariableDeclarator({ id }) {
      if (id.type === 'Identifier' && id.name === name) declared++
    },
  })
  return declared > 1
}

const GLOBALS = [
  'globalThis',
  'Error',
  'Object',
  'Array',
  'Promise',
  'process',
  'console',
  'Buffer',
  'JSON',
  'Math',
  'Date',
]

function changedGlobals(source: Source): State[] {
  return changesOf(source, (name) => GLOBALS.includes(name))
    .filter(({ member }) => member !== 'exitCode' && member !== undefined)
    .map(({ name, member, at }) => ({
      name: `${name}.${member}`,
      at,
      what: `changes ${name}.${member} for the whole process`,
    }))
}

interface Change extends State {
  readonly member: string | undefined
}

function changesOf({ program }: Source, counts: (name: string) => boolean): Change[] {
  const changes: Change[] = []
  const changed = (target: { readonly type: string }, at: number) => {
    const node = target as { type: string; object?: { type: string; name?: string }; property?: { name?: string } }
    const name = node.object?.name
    if (node.type === 'MemberExpression' && name !== undefined && counts(name))
      changes.push({ name, at, member: node.property?.name })
  }
  walk(program, {
    AssignmentExpression: ({ left, start }) => changed(left, start),
    UpdateExpression: ({ argument, start }) => changed(argument, start),
    UnaryExpression({ operator, argument, start }) {
      if (operator === 'delete') changed(argument, start)
    },
    CallExpression({ callee, start }) {
      if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return
      if (
        CHANGING.includes(callee.property.name) &&
        !(callee.object.type === 'Identifier' && GLOBALS.includes(callee.object.name))
      )
        changed(callee, start)
    },
  })
  return changes
}
