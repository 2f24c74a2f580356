/** Small faults that a test ought to notice, found in a syntax tree: each changes one place of one file. */

import { parseSync, Visitor } from 'oxc-parser'

export interface Mutant {
  readonly start: number
  readonly end: number
  /** What stands there, and what stands there instead. */
  readonly from: string
  readonly to: string
}

const OPERATORS: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '&&': '||',
  '||': '&&',
}

export function mutantsOf(path: string, text: string): Mutant[] {
  const mutants: Mutant[] = []
  const replace = (start: number, end: number, to: string) => {
    mutants.push({ start, end, from: text.slice(start, end), to })
  }
  /** The operator stands between its operands; a comment there would be the only other thing. */
  const swap = ({ operator, left, right }: { operator: string; left: { end: number }; right: { start: number } }) => {
    const to = OPERATORS[operator]
    const at = text.indexOf(operator, left.end)
    if (to !== undefined && at !== -1 && at < right.start) replace(at, at + operator.length, to)
  }
  new Visitor({
    BinaryExpression: swap,
    LogicalExpression: swap,
    IfStatement: ({ test }) => {
      replace(test.start, test.end, 'true')
      replace(test.start, test.end, 'false')
    },
    ConditionalExpression: ({ test }) => replace(test.start, test.end, `!(${text.slice(test.start, test.end)})`),
    UnaryExpression: ({ operator, argument, start, end }) => {
      if (operator === '!') replace(start, end, text.slice(argument.start, argument.end))
    },
    Literal: ({ value, start, end }) => {
      if (typeof value === 'boolean') replace(start, end, String(!value))
      if (typeof value === 'number') replace(start, end, String(value + 1))
    },
    ExpressionStatement: ({ expression, start, end }) => {
      const isCall = expression.type === 'CallExpression' || expression.type === 'AwaitExpression'
      if (isCall) replace(start, end, '{}')
    },
  }).visit(parseSync(path, text).program)
  return mutants.toSorted((a, b) => a.start - b.start)
}

export function applied(text: string, { start, end, to }: Mutant): string {
  return text.slice(0, start) + to + text.slice(end)
}

/** At most so many, spread evenly over all. */
export function sampled<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all]
  return Array.from({ length: most }, (_, nth) => all[Math.floor((nth * all.length) / most)] as T)
}
