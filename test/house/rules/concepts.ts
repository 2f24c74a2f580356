/** A folder does not know the concepts that its row of the table keeps out of it. */

import { signsOf } from '../concepts.ts'
import { FOLDERS, KNOWING } from '../layers.ts'
import { type Import, type Problem, type Source, walk } from './source.ts'

export function conceptProblems(source: Source): Problem[] {
  const granted = KNOWING.filter(({ file }) => file === source.path).map(({ knows }) => knows)
  return (FOLDERS[source.folder]?.mustNotKnow ?? []).flatMap((concept) => {
    if (granted.includes(concept)) return []
    const { packages = [], files = [], names = [], texts = [], remedy } = signsOf(concept)
    const signs = [
      ...source.imports.flatMap((one) => importSign(one, { packages, files })),
      ...wordSigns(source, { names, texts }),
    ]
    const [first] = signs.toSorted((a, b) => a.at - b.at)
    if (first === undefined) return []
    const what = `knows ${concept} (${first.by}), which ${source.folder}/ must not`
    return [{ source, at: first.at, rule: 'concepts', what, remedy }]
  })
}

interface Sign {
  readonly by: string
  readonly at: number
}

function importSign(
  { from, file, package: name, at }: Import,
  { packages, files }: { packages: readonly string[]; files: readonly string[] },
): Sign[] {
  const isKnown = name === undefined ? files.some((start) => file?.startsWith(start)) : packages.includes(name)
  return isKnown ? [{ by: `imports ${from}`, at }] : []
}

function wordSigns(source: Source, { names, texts }: { names: readonly string[]; texts: readonly string[] }): Sign[] {
  const signs: Sign[] = []
  const whole = new Set(texts.filter((text) => !text.endsWith('…')))
  const starts = texts.filter((text) => text.endsWith('…')).map((text) => text.slice(0, -1))
  const read = (text: string, at: number) => {
    if (whole.has(text) || starts.some((start) => text.startsWith(start))) signs.push({ by: `'${text}'`, at })
  }
  walk(source.program, {
    Identifier({ name, start }) {
      if (names.includes(name)) signs.push({ by: name, at: start })
    },
    Literal({ value, start }) {
      if (typeof value === 'string') read(value, start)
    },
    TemplateElement({ value, start }) {
      read(value.raw, start)
    },
  })
  return signs
}
