import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'

import { scripts } from '../../src/store/scripts.ts'

const FOLDER = new URL('../../src/store/scripts/', import.meta.url)

describe('every Lua script', async () => {
  const files = await readdir(FOLDER)

  it.each(files)('%s opens with its contract: what it does, its keys, its arguments, its reply', async (file) => {
    const text = await readFile(new URL(file, FOLDER), 'utf8')
    const contract = /^--\[\[\n {2}\S.*?\n\]\]\n/s.exec(text)?.[0] ?? ''

    expect(contract).not.toBe('')
    if (file === 'entry.lua') return
    expect(contract).toMatch(/KEYS\[1\]/)
    expect(contract).toMatch(/Reply/)
    const used = [...text.slice(contract.length).matchAll(/ARGV\[(\d+)\]/g)].map(([, number]) => Number(number))
    for (const number of used.filter((each) => each > 2)) expect(describedArguments(contract)).toContain(number)
  })

  it('is loaded', () => {
    expect(Object.keys(scripts)).toHaveLength(files.length - 1)
  })
})

/** The numbers in `ARGV[3]` and `ARGV[6..9]`. */
function describedArguments(contract: string): number[] {
  return [...contract.matchAll(/ARGV\[(\d+)(?:\.\.(\d+))?\]/g)].flatMap(([, first, last]) => {
    const [from, to] = [Number(first), Number(last ?? first)]
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}
