/** Runs every rule over the sources and says in sentences what is broken. */

import { capabilityProblems } from './rules/capabilities.ts'
import { compositionProblems } from './rules/composition.ts'
import { conceptProblems } from './rules/concepts.ts'
import { formProblems, roomProblems } from './rules/form.ts'
import { cycleProblems, layerProblems, packageProblems } from './rules/imports.ts'
import { stateProblems } from './rules/module-state.ts'
import { lineOf, type Problem, type Source } from './rules/source.ts'

const RULES: readonly ((source: Source) => Problem[])[] = [
  layerProblems,
  packageProblems,
  capabilityProblems,
  stateProblems,
  conceptProblems,
  compositionProblems,
  formProblems,
]

/** Every broken rule, a sentence each: file and line, rule, what is wrong, remedy. */
export function architectureProblems(sources: readonly Source[]): string[] {
  const ofEach = sources.flatMap((source) => RULES.flatMap((rule) => rule(source)))
  return [...ofEach, ...cycleProblems(sources), ...roomProblems(sources)].map(sentence)
}

function sentence({ source, at, rule, what, remedy }: Problem): string {
  const line = at === undefined ? '' : `:${lineOf(source, at)}`
  return `src/${source.path}${line} breaks the rule “${rule}”: it ${what}. ${remedy}`
}
